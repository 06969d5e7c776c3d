/** Highest byte of a cookie: what kind of thing the rule belongs to. */
const KIND = { base: 1n, network: 2n, endpoint: 3n, tunnel: 4n, remote: 5n };

/** What a rule belongs to. */
export interface RuleOwner {
  kind: keyof typeof KIND;
  /** 0 where the owner is not part of a network. */
  vni: number;
  /** Dotted quad of an endpoint, or of a tunnel's other end; `0.0.0.0` where the owner has none. */
  ip: string;
}

/** 8 bits for the kind, 24 for the VNI, 32 for the address. */
export function cookie(kind: RuleOwner['kind'], vni = 0, ip = '0.0.0.0'): string {
  const address = ip.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return `0x${((KIND[kind] << 56n) | (BigInt(vni) << 32n) | address).toString(16)}`;
}

/** The inverse of {@link cookie}. Returns undefined for a rule that SocketPlane did not make. */
export function parseCookie(text: string): RuleOwner | undefined {
  const value = BigInt(text);
  const kinds = Object.keys(KIND) as RuleOwner['kind'][];
  const kind = kinds.find((one) => KIND[one] === value >> 56n);
  if (!kind) return undefined;
  const ip = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  return { kind, vni: Number((value >> 32n) & 0xffffffn), ip };
}

/** Matches for `ovs-ofctl` that cover all rules of an owner. Open vSwitch finds them by an index. */
export const networkMatch = (vni: number) => `cookie=${cookie('network', vni)}/-1`;
export const endpointMatch = (vni: number, ip: string) => `cookie=${cookie('endpoint', vni, ip)}/-1`;
export const tunnelMatch = (peer: string) => `cookie=${cookie('tunnel', 0, peer)}/-1`;
export const remoteMatch = (vni: number, ip: string) => `cookie=${cookie('remote', vni, ip)}/-1`;
