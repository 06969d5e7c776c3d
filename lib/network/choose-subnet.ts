import { AppError } from '../base/errors.js';
import type { Network } from '../base/model.js';
import { overlaps, parseCidr, parseSubnet, type Subnet } from '../base/ipv4.js';

type Taken = readonly Pick<Network, 'id' | 'subnet'>[];

/** IPv4 addresses that a host of the cluster reaches somewhere else than in its networks. */
export interface HostRoute {
  /** CIDR, or one address. */
  subnet: string;
  /** For people: `the route 10.0.0.0/8 (dev tun0)`, `the name server 10.1.1.1`. */
  what: string;
  /** Name of the host; this one where it is left out. */
  host?: string;
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
    const host = route.host === undefined ? 'this host' : `host ${route.host}`;
    throw new AppError('conflict', `subnet ${subnet.text} overlaps ${route.what} of ${host}`);
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
