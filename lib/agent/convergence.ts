import { pause } from '../concurrency/pause.js';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import { followEvents } from '../docker/follow-events.js';
import { messageOf } from '../base/errors.js';
import { shortId } from '../base/short-id.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import type { Attachments } from '../endpoints/attachments.js';
import type { Endpoints } from '../endpoints/endpoints.js';
import type { Ipam } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
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
  attachments: Attachments;
  endpoints: Endpoints;
  overlay: PassOptions['overlay'];
  /** Told the current networks once the data plane knows them. */
  onNetworks: (current: readonly Network[]) => Promise<void>;
  /** Told of each pass; `repairs`: how many containers it connected differently or disconnected. */
  onPass: (result: 'ok' | 'failed', seconds: number, repairs: number) => void;
  /** Stops the convergence. */
  signal: AbortSignal;
  log: Log;
}

/** What is remembered from one pass to the next. */
interface State {
  /** As last heard from the store: while it does not answer, the host carries on with these. */
  networks: readonly Network[];
  /** Whether the first pass is done. That one finds out what exists, and its changes do not count as repairs. */
  hasLooked: boolean;
  /** See `PassResult`. */
  bridged: boolean;
  /** Whether something has failed since the last pass began. */
  undone: boolean;
}

/** Makes the host what Docker and the store say it should be, and keeps it that way. */
export interface Convergence {
  /** The networks as last heard from the store, even while it does not answer. */
  networks(): readonly Network[];
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
  const { docker, networks, ipam, datapath, attachments, endpoints, onNetworks, onPass, signal, log } =
    options;
  const state: State = { networks: [], hasLooked: false, bridged: false, undone: false };
  const retry = () => void (state.undone = true);
  const queue = createSettleQueue({ settle: endpoints.settle, onFailure: retry, signal, log });
  const pass = createPass({ ...options, networks: () => state.networks, settle: queue.settle });

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
    for await (const current of networks.watch(signal)) {
      const before = state.networks;
      // Set first: a pass in between would otherwise undo what is done here.
      state.networks = current;
      for (const network of missingFrom(current, before)) await apply('remove', network);
      for (const network of missingFrom(before, current)) await apply('ensure', network);
      await onNetworks(current);
    }
  }

  /** Settles the containers whose leases in the store differ from what this host left there. */
  function followLeases(): void {
    ipam.index.subscribe(({ put, drop }, wasRead) => {
      // A host that leaves gives its leases back at the end, but its containers go on using the addresses.
      if (signal.aborted) return;
      for (const { container } of drop)
        if (attachments.isDispossessed(container)) void queue.settle(container);
      if (!wasRead) return;
      for (const lease of put) {
        const isOurs = ipam.find(lease.container)?.ip === lease.ip;
        if (isOurs && attachments.isUnexpected(lease)) void queue.settle(lease.container);
      }
    });
  }

  const isIncomplete = () =>
    state.undone || !attachments.areAllTold() || attachments.list().some((one) => one.state === 'failed');

  async function patrol(): Promise<void> {
    let last = Date.now();
    for (;;) {
      await pause(RETRY_MS, signal);
      if (signal.aborted) return;
      if (!isIncomplete() && Date.now() - last < PATROL_MS) continue;
      await converge();
      last = Date.now();
    }
  }

  const followDocker = () =>
    followEvents(
      {
        docker,
        onConnected: () => void converge(),
        onEvent({ id, action }) {
          log.debug('event', { container: shortId(id), action });
          // Not awaited: one slow container must not hold up the others.
          void queue.settle(id);
        },
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
    networks: () => state.networks,
    async start() {
      await networks.recover();
      state.networks = await networks.list();
      await ipam.load();
      await onNetworks(state.networks);
      followLeases();
      datapath.watch(() => {
        log.warn('Open vSwitch was restarted');
        void converge();
      }, signal);
      await converge();
      const loops = [followDocker(), followNetworks(), ipam.follow(signal), patrol()];
      const ended = Promise.all(loops.map(untilAborted));
      // Also waits for work that is still in progress.
      return { stopped: ended.then(converge).then(endpoints.idle), bridged: state.bridged };
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
