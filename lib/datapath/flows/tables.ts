/**
 * What all rules of the bridge are made of. Three tables:
 *
 * 0. *admission*: a frame gets in only untagged, from the port, MAC and address that belong together; it is marked
 *    with its network's VNI in `reg0`, and with where it came from in `reg1`.
 * 1. *ARP*: requests are answered here, for every address that exists; nothing else of ARP gets any further.
 * 2. *forwarding*: within the VNI, by destination MAC to one port or tunnel; broadcast and multicast to all of the VNI.
 *
 * What no rule allows is dropped. Each rule's cookie says whose it is, so that all rules of an endpoint can be removed
 * without knowing them.
 */
export const ADMIT = 0;
export const ARP = 1;
export const FORWARD = 2;

/** `reg1`: where a frame came from. A register that nothing was written to is 0. */
export const FROM = { container: 0, tunnel: 1, gateway: 2 };

/** Broadcast and multicast. */
export const GROUP = 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00';
/** First half of the MAC address of every gateway; containers have Docker's 02:42. */
const GATEWAY_OUI = '02:53:50';
export const FROM_GATEWAY_MAC = `dl_src=${GATEWAY_OUI}:00:00:00/ff:ff:ff:00:00:00`;

/** Highest byte of a cookie: what kind of thing the rule belongs to. */
const KIND = { base: 1n, network: 2n, endpoint: 3n, tunnel: 4n, remote: 5n };

/** 8 bits of kind, 24 of VNI, 32 of address. */
export function cookie(kind: keyof typeof KIND, vni = 0, ip = '0.0.0.0'): string {
  const address = ip.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return `0x${((KIND[kind] << 56n) | (BigInt(vni) << 32n) | address).toString(16)}`;
}

/** The address in a cookie's last eight digits. */
export const dotted = (hex: string) => (hex.match(/../g) ?? []).map((octet) => parseInt(octet, 16)).join('.');

/** Matches of `ovs-ofctl` that cover all rules of an owner. Open vSwitch finds them by an index. */
export const networkMatch = (vni: number) => `cookie=${cookie('network', vni)}/-1`;
export const endpointMatch = (vni: number, ip: string) => `cookie=${cookie('endpoint', vni, ip)}/-1`;
export const tunnelMatch = (peer: string) => `cookie=${cookie('tunnel', 0, peer)}/-1`;
export const remoteMatch = (vni: number, ip: string) => `cookie=${cookie('remote', vni, ip)}/-1`;

/** The same on every host, so that a container may move without noticing. */
export function gatewayMac(vni: number): string {
  const hex = vni.toString(16).padStart(6, '0');
  return [GATEWAY_OUI, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6)].join(':');
}

/** Actions that turn an ARP request into its answer and send it back. */
export function arpAnswer(ip: string, mac: string): string {
  return [
    'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    `set_field:${mac}->eth_src`,
    'set_field:2->arp_op',
    'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    `set_field:${mac}->arp_sha`,
    `set_field:${ip}->arp_spa`,
    'in_port',
  ].join(',');
}
