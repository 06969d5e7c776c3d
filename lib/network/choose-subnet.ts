import { AppError } from '../base/errors.js';
import type { Network } from '../base/model.js';
import { overlaps, parseCidr, parseSubnet, type Subnet } from '../base/ipv4.js';

type Taken = readonly Pick<Network, 'id' | 'subnet'>[];

/** An IPv4 route of the host that is not SocketPlane's own: `subnet` as CIDR, `device` for the message. */
export interface HostRoute {
  subnet: string;
  device: string;
}

/** Throws `conflict` when the subnet shares addresses with a network or a foreign route. */
export function assertFree(subnet: Subnet, networks: Taken, routes: HostRoute[]): void {
  const other = networks.find((network) => overlaps(subnet, parseCidr(network.subnet)!));
  if (other) {
    throw new AppError('conflict', `subnet ${subnet.text} overlaps network ${other.id} (${other.subnet})`);
  }
  const route = foreignRoutes(routes, networks).find((candidate) =>
    overlaps(subnet, parseCidr(candidate.subnet)!),
  );
  if (route) {
    throw new AppError(
      'conflict',
      `subnet ${subnet.text} overlaps the route ${route.subnet} (dev ${route.device}) of this host`,
    );
  }
}

/** Routes that are IPv4 subnets, except the default route and those of SocketPlane's own gateways. */
function foreignRoutes(routes: HostRoute[], networks: Taken): HostRoute[] {
  const own = new Set(networks.map((network) => network.subnet));
  return routes.filter(({ subnet }) => {
    const parsed = parseCidr(subnet);
    return parsed !== undefined && parsed.prefix > 0 && !own.has(parsed.text);
  });
}

/** Subnets for networks created without one: the classic ones first, then any other private one. */
function* candidates(): Generator<string> {
  yield* ['10.1.0.0/16', '10.42.0.0/16', '172.16.42.0/24', '172.16.43.0/24', '172.16.44.0/24'];
  for (let second = 0; second < 256; second++) yield `10.${second}.0.0/16`;
  for (let third = 0; third < 256; third++) yield `192.168.${third}.0/24`;
}

/** Throws `exhausted` when no candidate is free. */
export function firstFree(networks: Taken, routes: HostRoute[]): Subnet {
  const taken = [...networks, ...foreignRoutes(routes, networks)].map(({ subnet }) => parseCidr(subnet)!);
  for (const text of candidates()) {
    const subnet = parseSubnet(text);
    if (!taken.some((other) => overlaps(subnet, other))) return subnet;
  }
  throw new AppError('exhausted', 'every private subnet is taken by a network or a route: name a free one');
}
