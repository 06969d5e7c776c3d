import { AppError } from '../base/errors.js';
import {
  contains,
  formatAddress,
  gatewayOf,
  parseAddress,
  parseCidr,
  parseSubnet,
  type Subnet,
} from '../base/ipv4.js';
import type { NetworkSettings } from '../base/model.js';
import { spaceOf } from '../ipam/address-space.js';

/** What a network's creator may choose besides the name. */
export interface NetworkChoice {
  /** IPv4 CIDR without host bits; by default the first free one from a list of private subnets. */
  subnet?: string;
  /** An address of the subnet, by default its first. */
  gateway?: string;
  /** Used if it is free. */
  vni?: number;
  settings?: NetworkSettings;
}

/** Bytes of the settings as JSON: a network's record is read at every look-up, and goes to every host. */
const MOST_SETTINGS = 64 * 1024;

/** Throws `invalid` for a choice that makes no network, whatever other networks there are. */
export function assertChoice({ subnet: text, gateway, settings = {} }: NetworkChoice): void {
  const { range, aux = {} } = settings;
  assertSize(settings);
  if (text === undefined) {
    if (gateway !== undefined) throw invalid('--gateway needs --subnet');
    if (range !== undefined) throw invalid('--ip-range needs --subnet');
    if (Object.keys(aux).length > 0) throw invalid('--aux-address needs --subnet');
    return;
  }
  const subnet = parseSubnet(text);
  const given = gatewayIn(subnet, gateway);
  assertGateway(subnet, given);
  for (const [name, ip] of Object.entries(aux)) assertAux(subnet, given, name, ip);
  if (range !== undefined) assertRange(subnet, range);
  const space = spaceOf({ id: '', subnet: subnet.text, gateway: given, vni: 0, settings });
  if (range !== undefined && space.choices === 0)
    throw invalid(`range ${range} holds no address that containers can have`);
}

/** The gateway of a subnet whose creator chose this one, or none. */
export function gatewayIn(subnet: Subnet, chosen: string | undefined): string {
  return chosen ?? formatAddress(gatewayOf(subnet));
}

function assertGateway(subnet: Subnet, gateway: string): void {
  const address = parseAddress(gateway);
  if (address === undefined || !contains(subnet, address))
    throw invalid(`gateway ${JSON.stringify(gateway)} is not an address of subnet ${subnet.text}`);
  if (address === subnet.first || address === subnet.last) {
    const role = address === subnet.first ? 'network' : 'broadcast';
    throw invalid(`gateway ${gateway} is the ${role} address of subnet ${subnet.text}`);
  }
}

function assertAux(subnet: Subnet, gateway: string, name: string, ip: string): void {
  const address = parseAddress(ip);
  if (address === undefined || !contains(subnet, address))
    throw invalid(`aux-address ${name}=${ip} is not an address of subnet ${subnet.text}`);
  if (ip === gateway) throw invalid(`aux-address ${name}=${ip} is the gateway`);
}

function assertRange(subnet: Subnet, text: string): void {
  const range = text.includes('/') ? parseCidr(text) : undefined;
  if (!range) throw invalid(`range ${JSON.stringify(text)} is not an IPv4 subnet such as 10.1.2.0/24`);
  if (range.text !== text) throw invalid(`range ${text} has host bits set: did you mean ${range.text}?`);
  if (!contains(subnet, range.first) || !contains(subnet, range.last))
    throw invalid(`range ${text} does not lie in subnet ${subnet.text}`);
}

function assertSize(settings: NetworkSettings): void {
  const size = Buffer.byteLength(JSON.stringify(settings));
  if (size <= MOST_SETTINGS) return;
  throw invalid(
    `the labels and options of a network may take ${MOST_SETTINGS / 1024} KiB, these take ${Math.ceil(size / 1024)} KiB`,
  );
}

function invalid(message: string): AppError {
  return new AppError('invalid', message);
}
