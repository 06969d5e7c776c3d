import { AppError } from '../base/errors.js';
import { macOf, parseAddress, parseSubnet } from '../base/ipv4.js';
import { peerName } from '../datapath/device-names.js';
import { DRIVER } from '../docker/driver-names.js';
import { assertChoice, type NetworkChoice } from '../network/network-choice.js';
import { networkById, type Driver } from './driver.js';
import * as messages from './messages.js';
import { settingsOf } from './settings.js';

/** Docker names the interface in the container with this and a number. */
const INTERFACE_PREFIX = 'eth';

/**
 * Docker makes a network. The cluster's network has been made before, by a hook or by another host; or Docker was asked past
 * the proxy, and will tell the name when it is done.
 */
export async function createNetwork(driver: Driver, request: messages.CreateNetwork): Promise<object> {
  const { NetworkID: id, Options, IPv4Data } = request;
  const [data, ...more] = IPv4Data ?? [];
  if (!data || more.length > 0)
    throw new AppError('invalid', 'a SocketPlane network has exactly one IPv4 subnet');
  if (Options?.[messages.ENABLE_IPV6] === true)
    throw new AppError('invalid', 'SocketPlane networks have no IPv6: leave --ipv6 out');
  if (data.AddressSpace && !data.AddressSpace.startsWith(DRIVER)) {
    throw new AppError(
      'invalid',
      `a SocketPlane network takes its addresses from SocketPlane: add \`--ipam-driver ${DRIVER}\`, or use the proxy`,
    );
  }
  const subnet = parseSubnet(data.Pool).text;
  const gateway = data.Gateway?.split('/')[0] || undefined;
  const name = driver.makings.nameOf(subnet);
  driver.offers.drop(subnet);
  if (name !== undefined) await assertSame(driver, name, { subnet, gateway });
  // A call that is repeated may find its own network in the cluster.
  else if (driver.dockerNetworks.get(id)?.subnet !== subnet)
    await assertPossible(driver, { subnet, gateway, settings: settingsOf(request) });
  await driver.dockerNetworks.set(id, { subnet, ...(name !== undefined && { name }) });
  return {};
}

/**
 * The network of this name is the cluster's, with this subnet. It is never made here: one that is missing has just been removed,
 * and would come back; and one that Docker then fails to make would stay behind.
 */
async function assertSame(
  { networks }: Driver,
  name: string,
  { subnet, gateway }: NetworkChoice,
): Promise<void> {
  const network = (await networks.find(name))?.network;
  if (!network)
    throw new AppError('notFound', `network ${name} is not in the cluster: make it through the proxy`);
  if (network.subnet !== subnet)
    throw new AppError(
      'conflict',
      `network ${name} has subnet ${network.subnet} in the cluster, not ${subnet}`,
    );
  if (gateway !== undefined && network.gateway !== gateway)
    throw new AppError(
      'conflict',
      `network ${name} has gateway ${network.gateway} in the cluster, not ${gateway}`,
    );
}

/** The cluster can take this network in, once Docker has told its name. */
async function assertPossible(
  { networks }: Driver,
  choice: NetworkChoice & { subnet: string },
): Promise<void> {
  assertChoice(choice);
  const [other] = await networks.overlapping(choice.subnet);
  if (other)
    throw new AppError('conflict', `subnet ${choice.subnet} overlaps network ${other.id} (${other.subnet})`);
}

export async function createEndpoint(
  driver: Driver,
  { NetworkID, EndpointID, Interface }: messages.CreateEndpoint,
): Promise<object> {
  const { network } = await networkById(driver, NetworkID);
  const ip = Interface?.Address?.split('/')[0] ?? '';
  if (Interface?.AddressIPv6) throw new AppError('invalid', 'SocketPlane networks have no IPv6 addresses');
  if (parseAddress(ip) === undefined) throw new AppError('invalid', 'an endpoint needs an IPv4 address');
  const mac = (Interface?.MacAddress || macOf(ip)).toLowerCase();
  // Docker may have asked for it when the network was not in the cluster yet, having been made past the proxy that very moment.
  if (!driver.addresses.isLeased(network.id, ip)) await driver.addresses.request(network.id, ip);
  driver.endpoints.open({ id: EndpointID, network, ip, mac });
  // Docker refuses an answer that repeats what it has sent.
  return { Interface: Interface?.MacAddress ? {} : { MacAddress: mac } };
}

export async function join(driver: Driver, { EndpointID, Options }: messages.Join): Promise<object> {
  const { endpoint, port } = await driver.endpoints.join(EndpointID);
  const { gateway, settings } = endpoint.network;
  return {
    InterfaceName: { SrcName: peerName(port), DstPrefix: INTERFACE_PREFIX },
    ...way(gateway, settings?.internal === true, Options?.[messages.PORT_MAP]),
  };
}

/**
 * The way out of the container. Without a gateway, Docker gives it a second interface, on a bridge of its own, and publishes
 * ports there; a driver that publishes them itself cannot tell Docker which, so that nobody would see them.
 */
function way(gateway: string, isInternal: boolean, portMap: unknown): object {
  if (isInternal) return { DisableGatewayService: true };
  const publishes = Array.isArray(portMap) && portMap.length > 0;
  return publishes ? {} : { Gateway: gateway };
}

/** Nobody waits for it: the kernel takes some 50 ms to remove a link, and Docker tells the client only afterwards that a container has ended. */
export async function takeDown(driver: Driver, { EndpointID }: messages.OnEndpoint): Promise<object> {
  driver.endpoints.end(EndpointID);
  return {};
}

export async function deleteNetwork(
  { dockerNetworks }: Driver,
  { NetworkID }: { NetworkID: string },
): Promise<object> {
  await dockerNetworks.drop(NetworkID);
  return {};
}
