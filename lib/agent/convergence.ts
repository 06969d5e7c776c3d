import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { singleFlight } from '../concurrency/single-flight.js';
import type { Datapath, PortRecord, RemoteState } from '../datapath/datapath.js';
import type { ContainerEvent, Docker } from '../docker/docker.js';
import { followEvents } from '../docker/follow-events.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Endpoint, Network } from '../base/model.js';
import type { Attachments } from '../endpoints/attachments.js';
import { macOf } from '../base/ipv4.js';
import { shortId } from '../base/short-id.js';
import type { Endpoints } from '../endpoints/endpoints.js';
import type { Ipam } from '../ipam/ipam.js';
import { NETWORK_LABEL } from '../docker/labels.js';
import type { Networks } from '../network/networks.js';

/** How often a node with something left undone tries again, and how often one with nothing to do looks anyway. */
const RETRY_MS = 5_000;
const PATROL_MS = 300_000;
/** Containers looked at side by side; more would only queue up in Docker. */
const PARALLEL = 8;

export interface AgentOptions {
  docker: Docker;
  networks: Networks;
  ipam: Ipam;
  datapath: Datapath;
  attachments: Attachments;
  endpoints: Endpoints;
  /** What the data plane has to know of other hosts. */
  overlay: () => RemoteState;
  /** Told of the networks that there are, once the data plane knows them. */
  onNetworks: (current: Network[]) => Promise<void>;
  /** Told of each look at everything; `repairs`: the connections that it changed. */
  onLooked: (result: 'ok' | 'failed', seconds: number, repairs: number) => void;
  log: Log;
}

/**
 * The loop that makes the node what Docker and the store say it should be. Events only say where to look: what is done
 * follows from Docker's state at that moment, so lost, late and repeated events do no harm. Runs until `signal` aborts.
 */
export function createAgent({
  docker,
  networks,
  ipam,
  datapath,
  attachments,
  endpoints,
  overlay,
  onNetworks,
  onLooked,
  log,
}: AgentOptions) {
  const limit = pLimit(PARALLEL);
  let undone = false;
  let looked = false;
  let isStopping = () => false;
  /** Whether the last pass has made the data plane what the store says: no port has an address that is another's. */
  let bridged = false;
  /** The networks as last read: without the store, the node goes on with these. */
  let known: Network[] = [];
  /** What was last said about a container that cannot be settled, so as to say it once. */
  const complaints = new Map<string, string>();

  function ownerOf(port: PortRecord): Endpoint | undefined {
    const lease = ipam.find(port.container);
    const network = known.find(({ id }) => id === lease?.network);
    if (!lease || !network || lease.network !== port.network || lease.ip !== port.ip) return undefined;
    return { container: port.container, network, ip: lease.ip, mac: macOf(lease.ip) };
  }

  async function settle(id: string): Promise<void> {
    try {
      await endpoints.settle(id);
      complaints.delete(id);
    } catch (error) {
      undone = true;
      const complaint = messageOf(error);
      if (complaints.get(id) === complaint) return;
      complaints.set(id, complaint);
      log.warn('container not settled', { container: shortId(id), error: complaint });
    }
  }

  /** What a look at a container may change. */
  function shape(id: string): string {
    const { state, ip } = attachments.get(id) ?? {};
    return [state, ip, attachments.runOf(id)].join(' ');
  }

  /** Bridge first, so that traffic that is right goes on; then each container that Docker or we know of. */
  const converge = singleFlight(async () => {
    // The host may be another agent's already, on another store.
    if (isStopping()) return;
    const before = undone;
    const began = performance.now();
    let repairs = 0;
    undone = false;
    bridged = false;
    try {
      await datapath.open();
      await datapath.sync(known, ownerOf, overlay());
      bridged = true;
      const ports = await attachments.adopt();
      const ids = new Set([
        ...(await docker.idsWithLabel(NETWORK_LABEL)),
        ...attachments.list().map(({ container }) => container),
        ...ports.map(({ container }) => container),
        ...ipam.owned(),
      ]);
      const look = async (id: string) => {
        const was = shape(id);
        await settle(id);
        if (shape(id) !== was) repairs++;
      };
      await Promise.all([...ids].map((id) => limit(() => look(id))));
      if (before && !undone) log.info('node is as it should be again');
    } catch (error) {
      undone = true;
      if (!before) log.error('node is not as it should be, trying again', { error: messageOf(error) });
    }
    // The first look finds out what there is.
    onLooked(undone ? 'failed' : 'ok', (performance.now() - began) / 1000, looked ? repairs : 0);
    looked = true;
  });

  const onEvent = ({ id, action }: ContainerEvent): void => {
    log.debug('event', { container: shortId(id), action });
    // Not awaited: one slow container must not hold up the others; each has its own lock.
    void settle(id);
  };

  async function followNetworks(signal: AbortSignal): Promise<void> {
    for await (const current of networks.watch(signal)) {
      const [before, after] = [byId(known), byId(current)];
      // Known first: a look at everything in between would undo what is done here.
      known = current;
      for (const network of before.values()) {
        if (after.get(network.id)?.vni !== network.vni) await apply('remove', network);
      }
      for (const network of current) {
        if (before.get(network.id)?.vni !== network.vni) await apply('ensure', network);
      }
      await onNetworks(current);
    }
  }

  async function apply(what: 'ensure' | 'remove', network: Network): Promise<void> {
    try {
      if (what === 'ensure') await datapath.ensureNetwork(network);
      else await datapath.removeNetwork(network);
    } catch (error) {
      undone = true;
      log.warn(`cannot ${what} network`, { network: network.id, error: messageOf(error) });
    }
  }

  async function patrol(signal: AbortSignal): Promise<void> {
    let last = Date.now();
    while (!signal.aborted) {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const failed =
        undone || !attachments.areAllTold() || attachments.list().some(({ state }) => state === 'failed');
      if (!failed && Date.now() - last < PATROL_MS) continue;
      await converge();
      last = Date.now();
    }
  }

  return {
    /** The networks as last read, also while the store does not answer. */
    networks: () => known,
    /** The first pass is done, well or not, when this resolves; the loops go on until `signal` aborts. */
    async start(signal: AbortSignal): Promise<{ stopped: Promise<unknown>; bridged: boolean }> {
      isStopping = () => signal.aborted;
      await networks.recover();
      known = await networks.list();
      await ipam.load();
      await onNetworks(known);
      ipam.index.subscribe(({ put, drop }, wasRead) => {
        // What a host that leaves gives back in the end, its containers go on using.
        if (signal.aborted) return;
        for (const { container } of drop) if (attachments.isDispossessed(container)) void settle(container);
        if (!wasRead) return;
        for (const lease of put) {
          const isOurs = ipam.find(lease.container)?.ip === lease.ip;
          if (isOurs && attachments.isUnexpected(lease)) void settle(lease.container);
        }
      });
      datapath.watch(() => {
        log.warn('Open vSwitch was restarted');
        void converge();
      }, signal);
      await converge();
      const quiet = (error: unknown) => {
        if (!signal.aborted) throw error;
      };
      const following = followEvents({ docker, onConnected: () => void converge(), onEvent, log }, signal);
      const loops = [following, followNetworks(signal), ipam.follow(signal), patrol(signal)];
      const ended = Promise.all(loops.map((loop) => loop.catch(quiet)));
      // Not before what is under way has ended too.
      return { stopped: ended.then(converge).then(endpoints.idle), bridged };
    },
    /** Looks at everything again; gives whether the data plane is what the store says. */
    async converge(): Promise<boolean> {
      await converge();
      return bridged;
    },
    /** Something was left undone; it is tried again. */
    retry: () => void (undone = true),
  };
}

function byId(networks: readonly Network[]): Map<string, Network> {
  return new Map(networks.map((network) => [network.id, network]));
}
