import { silentLog } from '../../lib/base/log.js';
import type { Network } from '../../lib/base/model.js';
import { createContainers } from '../../lib/agent/containers.js';
import { createConvergence } from '../../lib/agent/convergence.js';
import { macOf } from '../../lib/base/ipv4.js';
import type { DockerNetworks, DockerNetworkRecord } from '../../lib/driver/docker-networks.js';
import type { Driver } from '../../lib/driver/driver.js';
import { createFanOut } from '../../lib/driver/fan-out.js';
import { createMakings } from '../../lib/driver/makings.js';
import { createIpam } from '../../lib/ipam/ipam.js';
import { createNetworks } from '../../lib/network/networks.js';
import { createMemoryStore } from '../../lib/store/memory.js';
import type { Store } from '../../lib/store/store.js';
import type { Run } from '../../lib/os/exec.js';
import { createFakeDatapath } from './fake-datapath.js';
import { createFakeDocker, type FakeDriver } from './fake-docker.js';
import { until } from './until.js';

type Bridge = ReturnType<typeof createFakeDatapath>;

/** Which networks Docker knows by which ids, in memory. */
export function createDockerNetworksInMemory(): DockerNetworks {
  const records = new Map<string, DockerNetworkRecord>();
  return {
    get: (id) => records.get(id),
    idOf: (name) => [...records].find(([, known]) => known.name === name)?.[0],
    set: async (id, record) => void records.set(id, record),
    ids: () => [...records.keys()],
    drop: async (...ids) => ids.forEach((id) => records.delete(id)),
  };
}

/** Docker's calls to its driver, as `lib/driver` passes them on. @param network the cluster's network of this name */
export function driverOf(
  { addresses, endpoints }: Pick<Driver, 'addresses' | 'endpoints'>,
  network: (name: string) => Network | undefined,
): FakeDriver {
  return {
    request: (name, wanted) => addresses.request(name, wanted),
    async open({ id, network: name, ip, mac }) {
      const found = network(name);
      if (!found) throw new Error(`no network ${name}`);
      endpoints.open({ id, network: found, ip, mac: mac ?? macOf(ip) });
    },
    join: async (id) => void (await endpoints.join(id)),
    close: async (id) => endpoints.end(id),
    giveBack: (name, ip) => addresses.giveBack(name, ip),
  };
}

/** Finds the networks that a driver has heard of. */
export const networkIn =
  ({ networks }: Pick<Driver, 'networks'>) =>
  (name: string) =>
    networks.heard().find(({ id }) => id === name);

/** Knows of links what the bridge knows. */
export function runOn(bridge: Bridge): Run {
  return async (argv) => {
    if (argv.join(' ').startsWith('ip link show') && !bridge.links.has(argv.at(-1) ?? ''))
      throw new Error('no such device');
    return '[]';
  };
}

type Shared = {
  store: Store;
  docker: ReturnType<typeof createFakeDocker>;
  bridge: Bridge;
  dockerNetworks: DockerNetworks;
};

/** An agent on fakes; a second one on the same fakes is the first one restarted. Its network `web` is 10.0.0.0/29. */
export async function setUp(shared?: Shared) {
  const { store, docker, bridge, dockerNetworks } = shared ?? {
    store: createMemoryStore(),
    docker: createFakeDocker(),
    bridge: createFakeDatapath(),
    dockerNetworks: createDockerNetworksInMemory(),
  };
  const networks = createNetworks({
    store,
    hostRoutes: async () => [],
    foreignNames: async () => [],
  });
  await networks.recover();
  if (!shared) await networks.create('web', { subnet: '10.0.0.0/29' });
  const ipam = createIpam({ store, host: 'h1' });
  await ipam.load();
  const { datapath } = bridge;
  const common = { docker: docker.docker, networks, ipam, datapath, log: silentLog };
  const containers = createContainers({
    ...{ ...common, dockerNetworks, run: runOn(bridge) },
    onUndone: () => convergence.retry(),
  });
  const fanOut = createFanOut({
    ...{
      docker: docker.docker,
      dockerNetworks,
      wanted: networks.heard,
      makings: createMakings(),
      log: silentLog,
    },
    adopt: networks.create,
  });
  const overlay = () => ({ peers: [], remotes: [] });
  /** Result, seconds and repairs of each convergence pass. */
  const passes: ['ok' | 'failed', number, number][] = [];
  const ending = new AbortController();
  let streams = 0;
  const { events } = docker.docker;
  docker.docker.events = async (signal) => {
    const stream = await events(signal);
    streams++;
    return stream;
  };
  const counts = { bridge: 0 };
  const convergence = createConvergence({
    ...{ ...common, containers, fanOut, overlay },
    onNetworks: async () => undefined,
    onBridge: () => void counts.bridge++,
    onPass: (...pass) => void passes.push(pass),
    signal: ending.signal,
  });
  docker.drive(driverOf(containers, networkIn({ networks })));
  await fanOut.reconcile();
  return {
    ...{ passes, store, docker, bridge, dockerNetworks, networks, ipam, fanOut, convergence, counts },
    containers,
    ...containers,
    /** The only connection of a container, by id or name. */
    find: (reference: string) => containers.connections.find(reference)[0],
    /** Resolves once Docker's events are being followed. */
    following: () => until(() => streams > 0),
    /** Ends the agent. */
    end: () => ending.abort(),
  };
}
