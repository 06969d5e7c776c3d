import { pause } from '../concurrency/pause.js';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import { followEvents } from '../docker/follow-events.js';
import { messageOf } from '../base/errors.js';
import { shortId } from '../base/short-id.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import type { DockerEvent } from '../docker/docker.js';
import type { FanOut } from '../driver/fan-out.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
import type { Containers } from './containers.js';
import { createPass, type PassOptions } from './pass.js';
import { createSettleQueue } from './settle-queue.js';

/** Milliseconds after which a host that left something undone tries again, and one with nothing to do checks anyway. */
const RETRY_MS = 5_000;
const PATROL_MS = 300_000;

export interface ConvergenceOptions {
  docker: Docker;
  networks: Networks;
  ipam: Ipam;
  datapath: Datapath;
  containers: Containers;
  fanOut: FanOut;
  overlay: PassOptions['overlay'];
  /** Told the current networks once the data plane knows them. */
  onNetworks: (current: readonly Network[]) => Promise<void>;
  /** Called once the bridge has been looked at, whatever was found: from then on Docker's calls can be answered. */
  onBridge: () => void;
  /** Told of each pass; `repairs`: how many connections it changed. */
  onPass: (result: 'ok' | 'failed', seconds: number, repairs: number) => void;
  /** Stops the convergence. */
  signal: AbortSignal;
  log: Log;
}

/** What is remembered from one pass to the next. */
interface State {
  /** Whether the first pass is done. That one finds out what exists, and its changes do not count as repairs. */
  hasLooked: boolean;
  /** See `PassResult`. */
  bridged: boolean;
  /** Whether something has failed since the last pass began. */
  undone: boolean;
}

/** Makes the host what Docker and the store say it should be, and keeps it that way. */
export interface Convergence {
  /**
   * Resolves after the first pass, successful or not. `stopped` resolves when the signal has aborted and all work has ended.
   */
  start(): Promise<{ stopped: Promise<unknown>; bridged: boolean }>;
  /** Checks everything again. @returns whether the data plane matches the store */
  converge(): Promise<boolean>;
  /** Something was left undone: check again soon. */
  retry(): void;
}

/**
 * Events only say where to look: what is done depends on Docker's state at that moment, so lost, late and repeated events do
 * no harm.
 */
export function createConvergence(options: ConvergenceOptions): Convergence {
  const { docker, networks, ipam, datapath, containers, fanOut, onNetworks, onPass, signal, log } = options;
  const { table, endpoints, teller } = containers;
  const state: State = { hasLooked: false, bridged: false, undone: false };
  const retry = () => void (state.undone = true);
  const queue = createSettleQueue({ settle: containers.settle.container, onFailure: retry, signal, log });
  const pass = createPass({ ...options, networks: networks.heard, settle: queue.settle });

  const converge = singleFlight(async () => {
    // The data plane may already serve another store.
    if (signal.aborted) return;
    const wasUndone = state.undone;
    const began = performance.now();
    Object.assign(state, { undone: false, bridged: false });
    const { bridged, repairs, error } = await pass();
    state.bridged = bridged;
    if (error !== undefined) retry();
    if (error !== undefined && !wasUndone)
      log.error('host is not as it should be, trying again', { error: messageOf(error) });
    if (wasUndone && !state.undone) log.info('host is as it should be again');
    const seconds = (performance.now() - began) / 1000;
    onPass(state.undone ? 'failed' : 'ok', seconds, state.hasLooked ? repairs : 0);
    state.hasLooked = true;
  });

  async function apply(what: 'ensure' | 'remove', network: Network): Promise<void> {
    try {
      if (what === 'ensure') await datapath.ensureNetwork(network);
      else await datapath.removeNetwork(network);
    } catch (error) {
      retry();
      log.warn(`cannot ${what} network`, { network: network.id, error: messageOf(error) });
    }
  }

  async function followNetworks(): Promise<void> {
    let before: readonly Network[] = networks.heard();
    for await (const current of networks.watch(signal)) {
      for (const network of missingFrom(current, before)) await apply('remove', network);
      for (const network of missingFrom(before, current)) await apply('ensure', network);
      before = current;
      await onNetworks(current);
      lookAtNetworks();
    }
  }

  function lookAtNetworks(): void {
    fanOut.reconcile().catch((error: unknown) => {
      retry();
      log.debug("Docker's networks not looked at", { error: messageOf(error) });
    });
  }

  /** A lease of an endpoint of this host is gone although nobody here gave it back. */
  function onDrop({ network, ip, container }: Lease): void {
    const entry = table.at(network, ip);
    if (!entry || ipam.find(network, ip)) return;
    const id = entry.occupant?.id ?? container;
    if (id === undefined) retry();
    else void queue.settle(id);
  }

  /**
   * A lease was read that differs from what this host wants there. The latest state is written last, but a write that was given
   * up may arrive even later, after waiting in a stalled Consul or for a cable.
   */
  function onPut({ network, ip, endpoint, up, container }: Lease): void {
    if (!ipam.find(network, ip)) return;
    const entry = table.at(network, ip);
    if (entry && (endpoint !== entry.endpoint.id || !up))
      teller.tell(network, ip, { endpoint: entry.endpoint.id, up: true });
    else if (!entry && up && container !== undefined) void queue.settle(container);
  }

  function followLeases(): void {
    ipam.index.subscribe(({ put, drop }, wasRead) => {
      // A host that leaves gives its leases back at the end, but its containers go on using the addresses.
      if (signal.aborted) return;
      drop.forEach(onDrop);
      if (wasRead) put.forEach(onPut);
    });
  }

  /** Whether there is an endpoint or address of which nobody has said yet whose it is. */
  const hasStrangers = () =>
    table.list().some(({ occupant }) => occupant === undefined) ||
    ipam.owned().some(({ container }) => container === undefined);

  const isIncomplete = () =>
    state.undone ||
    !teller.areAllTold() ||
    endpoints.hasRemains() ||
    hasStrangers() ||
    table.list().some(({ failure }) => failure !== undefined);

  async function patrol(): Promise<void> {
    let last = performance.now();
    for (;;) {
      await pause(RETRY_MS, signal);
      if (signal.aborted) return;
      if (!isIncomplete() && performance.now() - last < PATROL_MS) continue;
      await converge();
      last = performance.now();
    }
  }

  function onEvent({ type, action, id, name, container }: DockerEvent): void {
    log.debug('event', { type, id: shortId(id), action });
    const concerned = type === 'container' ? id : container;
    // Not awaited: one slow container must not hold up the others.
    if (concerned !== undefined) void queue.settle(concerned);
    else lookAtNetworks();
    const isOurs = networks.heard().some((network) => network.id === name);
    // It is made anew, with another id, and containers that do not run know the old one.
    const isLost = action === 'destroy' && isOurs;
    // The bridge of one of Docker's own is kept apart from our networks.
    const isOther = action === 'create' && !isOurs;
    if (type === 'network' && (isLost || isOther)) void converge();
  }

  const followDocker = () =>
    followEvents(
      {
        docker,
        onConnected: () => void converge(),
        onEvent,
        log,
      },
      signal,
    );

  async function untilAborted(loop: Promise<unknown>): Promise<void> {
    await loop.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  return {
    async start() {
      await networks.recover();
      await ipam.load();
      await onNetworks(networks.heard());
      followLeases();
      datapath.watch(() => {
        log.warn('Open vSwitch was restarted');
        void converge();
      }, signal);
      await converge();
      const loops = [followDocker(), followNetworks(), ipam.follow(signal), patrol()];
      const ended = Promise.all(loops.map(untilAborted));
      // Also waits for work that is still in progress.
      return { stopped: ended.then(converge).then(queue.idle), bridged: state.bridged };
    },
    async converge() {
      await converge();
      return state.bridged;
    },
    retry,
  };
}

/**
 * The networks of the second list that are not in the first. One with another VNI is another network, even under the same
 * name.
 */
function missingFrom(known: readonly Network[], list: readonly Network[]): Network[] {
  const vnis = new Map(known.map(({ id, vni }) => [id, vni]));
  return list.filter(({ id, vni }) => vnis.get(id) !== vni);
}
