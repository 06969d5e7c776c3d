import { Gauge, type Registry } from 'prom-client';

/** Only this many networks, the first by name, are reported. */
const MOST_NETWORKS = 500;

const ROLES = ['none', 'client', 'server', 'external'] as const;
/** The role that a host has in Consul; `external`: SocketPlane does not run that Consul. */
export type ReportedRole = (typeof ROLES)[number];

/** What the agent does with its store, at one moment. */
export interface ServicesStatus {
  /** Connections of this host's containers, by state. */
  endpoints: Record<string, number>;
  /** Addresses of each network in the whole cluster. */
  networks: { id: string; total: number; used: number }[];
  /** Other hosts of the cluster that take part. */
  peers: number;
}

/** The agent's state at one moment. */
export interface Observed {
  version: string;
  datapath: string;
  /** Undefined while there is no store. */
  services: ServicesStatus | undefined;
  tunnels: number;
  /** How many of them do not work. */
  tunnelFaults: number;
  isMember: boolean;
  role: ReportedRole;
}

/** Values that are read when they are asked for, and cost nothing otherwise. The returned function sets them. */
export function addGauges(registry: Registry): (observed: Observed) => void {
  const setters: ((observed: Observed) => void)[] = [];
  function gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (observed: Observed) => readonly (readonly [Record<L, string>, number])[],
  ): void {
    const made = new Gauge({ name, help, labelNames, registers: [registry] });
    setters.push((observed) => {
      // What no longer exists must not be shown with its old value.
      made.reset();
      for (const [labels, value] of read(observed)) made.set(labels, value);
    });
  }
  const single = (name: string, help: string, read: (observed: Observed) => number) =>
    gauge(name, help, [], (observed) => [[{}, read(observed)]]);
  const perNetwork = (name: string, help: string, value: 'used' | 'total') =>
    gauge(name, help, ['network'], ({ services }) =>
      (services?.networks ?? [])
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, MOST_NETWORKS)
        .map((network) => [{ network: network.id }, network[value]]),
    );

  gauge('socketplane_build_info', 'Always 1.', ['version', 'datapath'], ({ version, datapath }) => [
    [{ version, datapath }, 1],
  ]);
  single(
    'socketplane_ready',
    'Whether containers can get addresses as far as this agent knows.',
    ({ services }) => Number(services !== undefined),
  );
  gauge('socketplane_endpoints', 'Connections of containers of this host.', ['state'], ({ services }) =>
    Object.entries(services?.endpoints ?? {}).map(([state, count]) => [{ state }, count]),
  );
  single(
    'socketplane_networks',
    'Networks that there are.',
    ({ services }) => services?.networks.length ?? 0,
  );
  const of = `of a network, in the whole cluster; of ${MOST_NETWORKS} networks at most`;
  perNetwork('socketplane_network_addresses', `Addresses ${of}.`, 'total');
  perNetwork('socketplane_network_addresses_used', `Leased addresses ${of}.`, 'used');
  single('socketplane_cluster_member', 'Whether this host is a member of a cluster.', ({ isMember }) =>
    Number(isMember),
  );
  single(
    'socketplane_peers',
    'Other hosts of the cluster that take part.',
    ({ services }) => services?.peers ?? 0,
  );
  single('socketplane_tunnels', 'Tunnels to other hosts.', ({ tunnels }) => tunnels);
  single(
    'socketplane_tunnels_failed',
    'Tunnels to other hosts that Open vSwitch cannot make.',
    ({ tunnelFaults }) => tunnelFaults,
  );
  gauge(
    'socketplane_consul_role',
    'Part that this host has in Consul: 1 for one of them.',
    ['role'],
    ({ role }) => ROLES.map((each) => [{ role: each }, Number(each === role)]),
  );
  return (observed) => setters.forEach((set) => set(observed));
}
