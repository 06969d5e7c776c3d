import { hostname } from 'node:os';
import { createMembers } from '../cluster/hosts/records.js';
import { forgotten } from '../cluster/identity/claim.js';
import type { Datapath } from '../datapath/datapath.js';
import { hostRoutes } from '../datapath/kernel/host-routes.js';
import { createNameTeller } from '../dns/tell-names.js';
import type { Docker } from '../docker/docker.js';
import { messageOf } from '../base/errors.js';
import type { Run } from '../os/exec.js';
import type { Log } from '../base/log.js';
import type { AgentMetrics } from '../metrics/agent-metrics.js';
import { measuredAttach } from '../metrics/measured-attach.js';
import type { ServicesStatus } from '../metrics/gauges.js';
import { createConvergence } from './convergence.js';
import { DRIVER } from '../docker/driver-names.js';
import type { DockerNetworks } from '../driver/docker-networks.js';
import type { Driver } from '../driver/driver.js';
import { createFanOut, type FanOut } from '../driver/fan-out.js';
import { createMakings } from '../driver/makings.js';
import { createOffers } from '../driver/pools.js';
import { capacityOfNetwork } from '../ipam/address-space.js';
import { askersIn } from '../endpoints/askers.js';
import { createContainers, type Containers } from './containers.js';
import { createIpam, type Ipam } from '../ipam/ipam.js';
import { createNetworkCarrier, type NetworkCarrier } from '../network/carry.js';
import { createNetworks, type Networks } from '../network/networks.js';
import { createHostResolver } from '../dns/resolv-conf.js';
import { createSurroundings } from '../network/surroundings.js';
import { createOverlayFeed, type Peer } from '../network/overlay-feed.js';
import type { Connection } from '../endpoints/connection.js';
import type { UnfinishedPlaces } from '../endpoints/reconnect.js';
import type { KeptJson } from '../os/kept-json.js';
import type { Belongings } from './transfer.js';
import type { Store } from '../store/store.js';
import type { Network } from '../base/model.js';

export interface ServicesOptions {
  store: Store;
  /** Id of this host. */
  host: string;
  docker: Docker;
  dockerNetworks: DockerNetworks;
  reconnecting?: KeptJson<UnfinishedPlaces>;
  datapath: Datapath;
  run: Run;
  /** Socket of the process that has the containers' name servers. */
  namesSocket: string;
  /** Told of the driver once it can answer Docker's calls. */
  onDriver: (driver: Driver) => void;
  /** From now on it cannot. */
  onStop: () => void;
  metrics: AgentMetrics;
  log: Log;
}

/**
 * What the agent does with one store. When the host joins or leaves a cluster, services on the other store replace these;
 * ports, rules and containers stay, and the new services find them as they are.
 */
export interface Services {
  readonly store: Store;
  /** Throws `conflict` when a network in the store hides something from this host that it reaches now. */
  assertFit(): Promise<void>;
  /** Frees everything that a host holds in the store. May be repeated. */
  releaseHost(hostId: string): Promise<void>;
  readonly networks: Networks;
  /** Creates and removes networks, both in the store and on this host. */
  readonly carrier: NetworkCarrier;
  readonly ipam: Ipam;
  readonly containers: Containers;
  /** Makes Docker's networks on this host those of the store. */
  readonly fanOut: FanOut;
  /** Names of the hosts of the cluster by their ids. */
  hostNames(): Promise<ReadonlyMap<string, string>>;
  /** What this host has, as last heard from the store: available even while it does not answer. */
  known(): Belongings;
  status(): ServicesStatus;
  /** Why containers have no name server, one line for people; undefined when all is well. */
  namesProblem(): string | undefined;
  /**
   * Resolves when the host matches the store, as far as possible.
   *
   * @param peers the other hosts of the cluster that take part now
   * @returns whether the data plane matches the store: only then may others accept packets from this host
   */
  start(peers: readonly Peer[]): Promise<boolean>;
  /** Checks everything again. @returns the same as {@link start} */
  converge(): Promise<boolean>;
  /** Something was left undone: everything is checked again soon. */
  retry(): void;
  /** Sets the other hosts that take part now. */
  setPeers(peers: readonly Peer[]): Promise<void>;
  /** Resolves when all work has ended. Containers keep running; the store stays open. */
  stop(): Promise<void>;
}

export function createServices(options: ServicesOptions): Services {
  const { store, host, docker, dockerNetworks, reconnecting, datapath, run, metrics, log } = options;
  const { namesSocket, onDriver, onStop } = options;
  const stopping = new AbortController();
  const onInvalid = (error: unknown) => log.error('the store is damaged', { error: messageOf(error) });
  const hostResolver = createHostResolver();
  const read = async () => hostRoutes(run, (await hostResolver()).servers);
  const memberRecords = createMembers(store, log);
  const members = async () => (await memberRecords.list()).map(({ hostId }) => hostId);
  const surroundings = createSurroundings({ store, host, name: hostname(), read, members, log });
  const networks = createNetworks({
    store,
    hostRoutes: surroundings.routes,
    // Docker's names are only checked to avoid confusion; a Docker that does not answer is no reason to refuse.
    foreignNames: async () =>
      (await docker.networks().catch(() => []))
        .filter(({ driver }) => driver !== DRIVER)
        .map(({ name }) => name),
    async otherHosts() {
      const records = await memberRecords.list();
      return new Map(
        records.filter(({ hostId }) => hostId !== host).map(({ hostId, name }) => [hostId, name] as const),
      );
    },
    onSetBack: () => void convergence.converge(),
    onLost: (network, why) =>
      log.error('a network that the store has lost cannot be put back', { network, error: messageOf(why) }),
    onInvalid,
  });
  const ipam = createIpam({ store, host, onInvalid, log });
  const containers = createContainers({
    ...measuredAttach({ ipam, datapath }, metrics.attach),
    ...{ docker, dockerNetworks, reconnecting, networks, run, log },
    onUndone: () => convergence.retry(),
  });
  const { table, connections } = containers;
  const carrier = createNetworkCarrier({ networks, datapath, returned: containers.addresses.returned, log });
  const makings = createMakings();
  const fanOut = createFanOut({
    docker,
    dockerNetworks,
    wanted: networks.heard,
    makings,
    adopt: carrier.create,
    signal: stopping.signal,
    log,
  });
  const driver: Driver = { ...containers, networks, dockerNetworks, offers: createOffers(), makings };
  const names = createNameTeller({
    socket: namesSocket,
    index: ipam.index,
    askers: () => askersIn(table),
    count: metrics.dns,
    log,
  });
  table.subscribe(names.askersChanged);
  const overlay = createOverlayFeed({
    index: ipam.index,
    datapath,
    host,
    onFailure: () => convergence.retry(),
    log,
  });
  const convergence = createConvergence({
    docker,
    networks,
    ipam,
    datapath,
    containers,
    fanOut,
    overlay: overlay.state,
    async onNetworks(current) {
      // Name servers listen on the gateways' addresses.
      if (hasGateways) names.setNetworks(current);
      await overlay.setNetworks(current);
    },
    onBridge() {
      if (stopping.signal.aborted) return;
      if (!hasGateways) names.setNetworks(networks.heard());
      hasGateways = true;
      onDriver(driver);
    },
    onPass: metrics.reconcile,
    signal: stopping.signal,
    log,
  });
  let hasGateways = false;
  let stopped: Promise<unknown> = Promise.resolve();

  return {
    store,
    networks,
    carrier,
    ipam,
    containers,
    fanOut,
    async releaseHost(id) {
      await ipam.releaseHost(id);
      await surroundings.forget(id);
      await store.commit([forgotten(id)]);
    },
    assertFit: async () => surroundings.assertFit(await networks.list()),
    async hostNames() {
      const records = await memberRecords.list();
      return new Map([[host, hostname()], ...records.map(({ hostId, name }) => [hostId, name] as const)]);
    },
    known: () => ({ networks: networks.heard(), leases: ipam.index.ofHost(host) }),
    status: () => ({
      endpoints: countByState(connections.list()),
      networks: networks.heard().map((network) => usageOf(network, ipam)),
      peers: overlay.peers(),
    }),
    namesProblem: names.problem,
    async start(peers) {
      void surroundings.tell(stopping.signal);
      await overlay.setPeers(peers);
      const started = await convergence.start();
      stopped = started.stopped;
      names.complete();
      await overlay.activate();
      return started.bridged;
    },
    converge: convergence.converge,
    retry: convergence.retry,
    setPeers: overlay.setPeers,
    async stop() {
      stopping.abort();
      onStop();
      overlay.deactivate();
      names.close();
      await stopped;
    },
  };
}

function countByState(endpoints: readonly Connection[]): ServicesStatus['endpoints'] {
  const counts = { starting: 0, up: 0, down: 0, failed: 0 };
  for (const { state } of endpoints) counts[state]++;
  return counts;
}

function usageOf(network: Network, ipam: Ipam): ServicesStatus['networks'][number] {
  return { id: network.id, total: capacityOfNetwork(network), used: ipam.usedOn(network.id) };
}
