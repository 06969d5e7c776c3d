import { createCurrent } from '../../lib/agent/current.js';
import { createServices, type Services } from '../../lib/agent/services.js';
import { createStoreSwitch } from '../../lib/agent/store-switch.js';
import { AppError } from '../../lib/base/errors.js';
import { silentLog } from '../../lib/base/log.js';
import type { Underlay } from '../../lib/base/model.js';
import type { ClusterSettings } from '../../lib/cluster/settings.js';
import { createCell } from '../../lib/concurrency/observable.js';
import { createAgentMetrics } from '../../lib/metrics/agent-metrics.js';
import { createMemoryElection } from '../../lib/store/election.js';
import { createMemoryLiveness } from '../../lib/store/liveness.js';
import { createMemoryStore } from '../../lib/store/memory.js';
import type { Entry, Store } from '../../lib/store/store.js';
import { createDockerNetworksInMemory, driverOf, networkIn, runOn } from './agent-on-fakes.js';
import { createFakeDatapath } from './fake-datapath.js';
import { createFakeDocker } from './fake-docker.js';
import { createFaults, type Faults } from './faults.js';

/** One for all, because it observes the process. */
const metrics = createAgentMetrics();

export const HOST = 'h1';

/** A store on disk: it survives being closed, and can be open only once at a time. */
function createDisk(faults: Faults) {
  const entries = new Map<string, Entry>();
  let revision = 0;
  let opened = 0;
  const open = async () => {
    if (opened > 0) throw new AppError('unavailable', 'the store is in use');
    opened++;
    const store = createMemoryStore({
      entries: entries.values(),
      revision,
      async persist(changes) {
        for (const entry of changes.put) entries.set(entry.key, entry);
        for (const key of changes.drop) entries.delete(key);
        revision = changes.revision;
      },
      close: async () => void opened--,
    });
    return faults.guardStore('own', store);
  };
  return {
    open: faults.guard('own.open', open),
    isOpen: () => opened > 0,
    /** What is in it, even while it is closed. */
    entries: () => [...entries.values()],
  };
}

/** A cluster's store: each client closes on its own. */
function createServer(faults: Faults) {
  const store = createMemoryStore();
  const [liveness, election] = [createMemoryLiveness(), createMemoryElection()];
  let clients = 0;
  return {
    store,
    liveness,
    clients: () => clients,
    /** The process that its clients were in has ended. */
    disconnect: () => void (clients = 0),
    open() {
      clients++;
      const client: Store = { ...store, close: async () => void clients-- };
      return { store: faults.guardStore('cluster', client), liveness, election };
    },
  };
}

/** What remains of a host when its agent ends. */
function createSurroundings() {
  const faults = createFaults();
  return {
    faults,
    disk: createDisk(faults),
    server: createServer(faults),
    docker: createFakeDocker(),
    bridge: createFakeDatapath(),
    dockerNetworks: createDockerNetworksInMemory(),
  };
}

/**
 * A host on fakes that can be alone or a member, with real services on stores that compare and swap. Another one on the
 * same surroundings is the agent restarted.
 */
export function createSwitchedHost(surroundings = createSurroundings()) {
  const { faults, disk, server, docker, bridge, dockerNetworks } = surroundings;
  const datapath = {
    ...bridge.datapath,
    open: faults.guard('datapath.open', bridge.datapath.open),
    sync: faults.guard('datapath.sync', bridge.datapath.sync),
  };
  const current = createCurrent<Services>('the agent is starting', 5);
  const underlay = createCell<Underlay | undefined>(undefined);
  const settings = createCell<ClusterSettings | undefined>(undefined);
  let renew: () => void = () => undefined;
  const storeSwitch = createStoreSwitch({
    hostId: HOST,
    name: HOST,
    current,
    createServices: (store) =>
      createServices({
        ...{ store, host: HOST, docker: docker.docker, datapath, metrics, log: silentLog },
        ...{ dockerNetworks, run: runOn(bridge), namesSocket: '/nonexistent/names.sock' },
        onDriver: (driver) => docker.drive(driverOf(driver, networkIn(driver))),
        onStop: () => undefined,
      }),
    openOwnStore: disk.open,
    openCluster: server.open,
    underlay,
    settings,
    terms: { fence: 10_000, grace: 600_000 },
    claim: async () => ({ key: `identities/${HOST}`, ifVersion: 0 }),
    renewed: new Promise<void>((resolve) => (renew = resolve)),
    forceLeave: async () => undefined,
    log: silentLog,
  });
  return { faults, disk, server, docker, bridge, dockerNetworks, current, underlay, storeSwitch, renew };
}
