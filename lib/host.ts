import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { createHosts, type HostRecord } from './cluster/hosts.js';
import type { Terms } from './cluster/reaper-step.js';
import { runReaper } from './cluster/reaper.js';
import { coalesce } from './concurrency/coalesce.js';
import { AppError, messageOf } from './errors.js';
import type { Log } from './log.js';
import { transfer } from './network/transfer.js';
import type { Node } from './node.js';
import type { Seat } from './seat.js';
import { MAX_OPERATIONS } from './store/limits.js';
import type { ClusterStore } from './store/open-consul.js';
import type { Store } from './store/store.js';

const RETRY = { forever: true, minTimeout: 200, maxTimeout: 2_000 } as const;

export interface HostOptions {
  hostId: string;
  /** For people. */
  name: string;
  seat: Seat;
  makeNode: (store: Store) => Node;
  /** The store of a host that is alone. */
  openEmbedded: () => Promise<Store>;
  openCluster: () => ClusterStore;
  /** This host's address on the underlay, as it is now. */
  address: () => string | undefined;
  terms: Terms;
  /** Ends a host's part in Consul. */
  forceLeave: (hostId: string) => Promise<void>;
  log: Log;
}

/**
 * Seats the node that belongs to what the host is: alone, or a member of a cluster. What it has goes along: networks and
 * leases, so that containers keep their addresses.
 */
export type Host = ReturnType<typeof createHost>;

export function createHost(options: HostOptions) {
  const { hostId, name, seat, makeNode, openEmbedded, openCluster, address, terms, forceLeave, log } =
    options;
  let membership:
    { end: AbortController; ended: Promise<unknown>; hosts: ReturnType<typeof createHosts> } | undefined;

  const others = (records: readonly HostRecord[]) =>
    records
      .filter((record) => record.hostId !== hostId)
      .map((record) => ({ id: record.hostId, address: record.address }));

  async function leaveSeat(reason: string): Promise<void> {
    const store = seat.current?.store;
    await seat.vacate(reason);
    await store?.close();
  }

  /** Gives whether others may take packets from this host. */
  async function sit(node: Node, peers: readonly HostRecord[] = []): Promise<boolean> {
    const isRight = await node.start(others(peers));
    seat.take(node);
    return isRight;
  }

  /** Be a host by itself. */
  async function alone(): Promise<void> {
    await sit(makeNode(await openEmbedded()));
  }

  /** What the host had while it was alone goes to the cluster. */
  async function bring(node: Node): Promise<void> {
    const store = await openEmbedded();
    try {
      const before = makeNode(store);
      await Promise.all([before.ipam.load(), node.ipam.load()]);
      const belongings = { networks: await before.networks.list(), leases: before.ipam.index.ofHost(hostId) };
      await transfer(belongings, node, { unused: true, log });
      await clear(store);
    } finally {
      await store.close();
    }
  }

  /** Tell the others of this host; until then they take no packets from it. Throws when it has no address. */
  async function register(hosts: ReturnType<typeof createHosts>): Promise<void> {
    const at = address();
    if (at === undefined) throw new AppError('unavailable', 'this host has no address on the underlay');
    await hosts.put({ hostId, name, address: at });
  }

  /**
   * Follow the other hosts. That this one is no longer among them means that it was given up, and may have lost addresses
   * meanwhile: it looks first, and only then comes back. Tries until that has worked: until then no host takes its packets.
   */
  async function followHosts(
    node: Node,
    hosts: ReturnType<typeof createHosts>,
    signal: AbortSignal,
  ): Promise<void> {
    let isListed = false;
    const tryToReturn = async () => {
      await node.ipam.load();
      if (!(await node.converge())) throw new AppError('unavailable', 'Open vSwitch is not as it should be');
      await register(hosts);
    };
    const comeBack = coalesce(async () => {
      if (isListed) return;
      await pRetry(tryToReturn, {
        ...RETRY,
        signal,
        onFailedAttempt: ({ attemptNumber, message }) => {
          if (attemptNumber === 1) log.warn('this host cannot come back yet', { error: message });
        },
      }).catch((error: unknown) => {
        if (!signal.aborted) log.error('this host cannot come back', { error: messageOf(error) });
      });
    });
    let returning: Promise<void> | undefined;
    for await (const records of hosts.watch(signal)) {
      await node.setPeers(others(records));
      const own = records.find((record) => record.hostId === hostId);
      isListed = own !== undefined && own.address === address();
      if (isListed) continue;
      if (!own) log.warn('the cluster has given this host up; coming back');
      returning = comeBack();
    }
    await returning;
  }

  function takePart(
    { store, liveness, election }: ClusterStore,
    node: Node,
    hosts: ReturnType<typeof createHosts>,
  ): void {
    const end = new AbortController();
    const { signal } = end;
    const { releaseHost: release } = node.ipam;
    const reaper = { store, liveness, election, terms, release, forceLeave, log };
    const loops = {
      'saying that this host is alive': () => liveness.announce(hostId, signal),
      'following the other hosts': () => followHosts(node, hosts, signal),
      'taking leave of silent hosts': () => runReaper(reaper, signal),
    };
    // Each of them goes on whatever happens; without it, the host would be a member by half, and nobody would notice.
    const ended = Object.entries(loops).map(async ([what, loop]) => {
      while (!signal.aborted) {
        await loop().catch((error: unknown) => {
          if (!signal.aborted) log.error(`${what} has failed, beginning again`, { error: messageOf(error) });
        });
        await sleep(RETRY.maxTimeout, undefined, { signal }).catch(() => undefined);
      }
    });
    membership = { end, ended: Promise.all(ended), hosts };
  }

  async function endMembership(): Promise<void> {
    membership?.end.abort();
    await membership?.ended;
    membership = undefined;
  }

  return {
    alone,
    /** Be a member: of a cluster whose store can be reached. When that fails, all is as before. */
    async connect(): Promise<Store> {
      const cluster = openCluster();
      const wasAlone = seat.current !== undefined;
      const node = makeNode(cluster.store);
      try {
        const hosts = createHosts(cluster.store, log);
        const peers = await hosts.list();
        await leaveSeat('this host is joining the cluster: try again in a moment');
        await bring(node);
        if (await sit(node, peers)) await register(hosts);
        takePart(cluster, node, hosts);
        return cluster.store;
      } catch (error) {
        if (seat.current === node) await seat.vacate('this host could not join the cluster');
        else await node.stop();
        await cluster.store.close();
        if (wasAlone) await alone();
        throw error;
      }
    },
    /**
     * Be alone, again: keep what this host's containers use, then give back what the host has in the cluster. Throws when
     * that cannot be reached; the host is alone all the same.
     */
    async disconnect(): Promise<void> {
      if (!membership && seat.current) return;
      const hosts = membership?.hosts;
      await endMembership();
      const node = seat.current;
      await seat.vacate('this host is leaving the cluster: try again in a moment');
      try {
        if (node) await takeAlong(node);
        await hosts?.remove(hostId);
        await node?.ipam.releaseHost(hostId);
      } finally {
        await node?.store.close();
        await alone();
      }
    },
    /** The underlay is another: tunnels go out from there, and the others have to know. */
    async moved(): Promise<void> {
      try {
        await seat.current?.converge();
        if (membership) await register(membership.hosts);
      } catch (error) {
        log.warn('the cluster cannot be told of this host', { error: messageOf(error) });
      }
    },
    /** The agent ends; containers, and this host's place in the cluster, stay as they are. */
    async close(): Promise<void> {
      await endMembership();
      await leaveSeat('the agent stops');
    },
  };

  async function takeAlong(node: Node): Promise<void> {
    const store = await openEmbedded();
    try {
      const { leases, networks: known } = node.known();
      const networks = await node.networks.list().catch(() => known);
      await transfer({ leases, networks }, makeNode(store), { unused: false, log });
    } finally {
      await store.close();
    }
  }
}

async function clear(store: Store): Promise<void> {
  const keys = (await store.list('')).map(({ key }) => key);
  for (let at = 0; at < keys.length; at += MAX_OPERATIONS) {
    await store.commit(keys.slice(at, at + MAX_OPERATIONS).map((key) => ({ key, value: null })));
  }
}
