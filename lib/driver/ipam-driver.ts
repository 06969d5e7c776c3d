import { AppError } from '../base/errors.js';
import { contains, formatAddress, gatewayOf, parseAddress, parseCidr, parseSubnet } from '../base/ipv4.js';
import { networkBySubnet, type Driver } from './driver.js';
import { ADDRESS_TYPE, GATEWAY } from './messages.js';
import type * as messages from './messages.js';
import { poolOf, subnetOf } from './pools.js';

/** Docker asks for the subnet of a network that it is about to make. */
export async function requestPool(driver: Driver, request: messages.RequestPool): Promise<object> {
  const { Pool, SubPool, V6 } = request;
  if (V6) throw new AppError('invalid', 'SocketPlane networks have no IPv6: leave --ipv6 out');
  if (SubPool) assertRange(SubPool);
  const subnet = Pool
    ? parseSubnet(Pool).text
    : await driver.offers.make((offered) => driver.networks.freeSubnet(offered));
  return { PoolID: poolOf(subnet), Pool: subnet };
}

/** That it lies in the subnet is seen when the network is made; Docker tells it in no other call. */
function assertRange(text: string): void {
  const range = parseCidr(text);
  if (!range)
    throw new AppError('invalid', `range ${JSON.stringify(text)} is not an IPv4 subnet such as 10.1.2.0/24`);
  if (range.text !== text)
    throw new AppError('invalid', `range ${text} has host bits set: did you mean ${range.text}?`);
}

export async function releasePool({ offers }: Driver, { PoolID }: { PoolID: string }): Promise<object> {
  offers.drop(subnetOf(PoolID));
  return {};
}

/**
 * Docker asks for an address: of an endpoint that it will make; or, while it makes the network, of the gateway or one that is
 * kept aside, which nobody leases.
 */
export async function requestAddress(
  driver: Driver,
  { PoolID, Address, Options }: messages.RequestAddress,
): Promise<object> {
  const subnet = subnetOf(PoolID);
  const { prefix } = parseSubnet(subnet);
  const answer = (ip: string) => ({ Address: `${ip}/${prefix}` });
  const wanted = Address?.split('/')[0] || undefined;
  if (wanted !== undefined) assertIn(subnet, wanted);
  if (Options?.[ADDRESS_TYPE] === GATEWAY)
    return answer(wanted ?? formatAddress(gatewayOf(parseSubnet(subnet))));
  const network = await networkBySubnet(driver, subnet);
  const isMade = network !== undefined && driver.makings.nameOf(subnet) === undefined;
  const isAside = Object.values(network?.settings?.aux ?? {}).includes(wanted ?? '');
  if (wanted !== undefined && (!network || (isAside && !isMade))) return answer(wanted);
  if (!network) throw new AppError('notFound', `no network of the cluster has subnet ${subnet}`);
  return answer(await driver.addresses.request(network.id, wanted));
}

function assertIn(subnet: string, ip: string): void {
  const address = parseAddress(ip);
  if (address === undefined) throw new AppError('invalid', `${JSON.stringify(ip)} is not an IPv4 address`);
  if (!contains(parseSubnet(subnet), address))
    throw new AppError('invalid', `address ${ip} is not in subnet ${subnet}`);
}

/** Of the gateway's address too, which was never leased: nothing happens then. */
export async function releaseAddress(
  driver: Driver,
  { PoolID, Address }: messages.ReleaseAddress,
): Promise<object> {
  const network = await networkBySubnet(driver, subnetOf(PoolID));
  // Nobody waits for it: whoever asks for the address next does.
  if (network) void driver.addresses.giveBack(network.id, Address.split('/')[0] ?? Address);
  return {};
}
