import { isIPv4 } from 'node:net';
import { AppError } from './errors.js';

/** An IPv4 subnet in numbers; addresses are unsigned 32-bit integers. */
export interface Subnet {
  /** Canonical text, for example `10.1.0.0/16`. */
  text: string;
  first: number;
  last: number;
  prefix: number;
}

/** Anything narrower than /30 has no room for a gateway and a container; anything wider than /8 is more than anyone owns. */
const WIDEST = 8;
const NARROWEST = 30;

/** Ranges that no host may use for unicast addresses of its own network (RFC 6890). */
const FORBIDDEN = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map((text) =>
  parseCidr(text)!,
);

/** A dotted quad as a number; undefined when the text is not one. */
export function parseAddress(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  let address = 0;
  for (const octet of text.split('.')) address = address * 256 + Number(octet);
  return address;
}

export function formatAddress(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Any IPv4 CIDR, as found in a routing table. A bare address counts as /32. Undefined when the text is not a CIDR. */
export function parseCidr(text: string): Subnet | undefined {
  const [addressText = '', prefixText = '32', ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0 || !/^\d{1,2}$/.test(prefixText) || Number(prefixText) > 32) {
    return undefined;
  }
  const prefix = Number(prefixText);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { text: `${formatAddress(first)}/${prefix}`, first, last: first + size - 1, prefix };
}

/** Parses a subnet that a network may have. Throws an `AppError('invalid')` that says what is wrong with any other. */
export function parseSubnet(text: string): Subnet {
  const subnet = text.includes('/') ? parseCidr(text) : undefined;
  const refuse = (why: string) => new AppError('invalid', `subnet ${JSON.stringify(text)} ${why}`);
  if (!subnet) throw refuse('is not an IPv4 subnet such as 10.1.0.0/16');
  if (subnet.prefix < WIDEST || subnet.prefix > NARROWEST) {
    throw refuse(`must have a prefix length from /${WIDEST} to /${NARROWEST}`);
  }
  if (subnet.text.split('/')[0] !== text.split('/')[0])
    throw refuse(`has host bits set: did you mean ${subnet.text}?`);
  for (const forbidden of FORBIDDEN) {
    if (overlaps(subnet, forbidden)) throw refuse(`lies in ${forbidden.text}, which hosts cannot use`);
  }
  return subnet;
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function contains(subnet: Subnet, address: number): boolean {
  return subnet.first <= address && address <= subnet.last;
}

/** The gateway: the first address after the network address. */
export function gatewayOf(subnet: Subnet): number {
  return subnet.first + 1;
}

/**
 * The MAC of a container, derived from its address as Docker derives its own: unique within the network because the address
 * is, and an address that moves to another container or host takes its MAC along, so no neighbour's ARP cache is ever wrong.
 */
export function macOf(ip: string): string {
  return ['02', '42', ...ip.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');
}
