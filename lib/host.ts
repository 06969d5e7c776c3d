import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { createEvictions, type Evictions } from './cluster/evictions.js';
import { createHosts, type HostRecord, type HostRecords } from './cluster/hosts.js';
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
import type { Operation, Store } from './store/store.js';

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

/** This host's part in a cluster. */
interface Part {
  hosts: HostRecords<HostRecord>;
  evictions: Evictions;
  /** Ends what this host does for the cluster. */
  end: AbortController;
  ended: Promise<unknown>;
  /** Ends saying that it is alive. */
  fallSilent: AbortController;
}

/**
 * Seats the node that belongs to what the host is: alone, or a member of a cluster. What it has goes along: networks and
 * leases, so that containers keep their addresses.
 */
export type Host = ReturnType<typeof createHost>;

export function createHost(options: HostOptions) {
  const { hostId, name, seat, makeNode, openEmbedded, openCluster, address, terms, forceLeave, log } =
    options;
  let membership: Part | undefined;

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

  /** What the host had while it was alone goes to the cluster. Until {@link forgetAlone} it is still here too. */
  async function bring(node: Node): Promise<void> {
    const store = await openEmbedded();
    try {
      const before = makeNode(store);
      await Promise.all([before.ipam.load(), node.ipam.load()]);
      const belongings = { networks: await before.networks.list(), leases: before.ipam.index.ofHost(hostId) };
      await transfer(belongings, node, { unused: true, log });
    } finally {
      await store.close();
    }
  }

  /** It is the cluster's now. */
  async function forgetAlone(): Promise<void> {
    const store = await openEmbedded();
    try {
      await clear(store);
    } finally {
      await store.close();
    }
  }

  /**
   * Tell the others of this host; until then they take no packets from it. Throws when it has no address.
   *
   * @param condition that of {@link Evictions}, where the leases were read for this
   */
  async function register(hosts: HostRecords<HostRecord>, condition?: Operation): Promise<void> {
    const at = address();
    if (at === undefined) throw new AppError('unavailable', 'this host has no address on the underlay');
    await hosts.put({ hostId, name, address: at }, condition);
  }

  /**
   * Follow the other hosts. That this one is no longer among them means that it was given up, and may have lost addresses
   * meanwhile: it looks first, and only then comes back. Tries until that has worked: until then no host takes its packets.
   */
  async function followHosts(
    node: Node,
    { hosts, evictions }: Pick<Part, 'hosts' | 'evictions'>,
    signal: AbortSignal,
  ): Promise<void> {
    let isListed = false;
    const tryToReturn = async () => {
      const condition = await evictions.condition(hostId);
      await node.ipam.load();
      if (!(await node.converge())) throw new AppError('unavailable', 'Open vSwitch is not as it should be');
      await register(hosts, condition);
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
    records: Pick<Part, 'hosts' | 'evictions'>,
  ): void {
    const [end, fallSilent] = [new AbortController(), new AbortController()];
    const { signal } = end;
    const { releaseHost: release } = node.ipam;
    const reaper = { store, liveness, election, terms, release, forceLeave, log };
    void keep('saying that this host is alive', fallSilent.signal, (quiet) =>
      liveness.announce(hostId, quiet),
    );
    const ended = Promise.all([
      keep('following the other hosts', signal, () => followHosts(node, records, signal)),
      keep('taking leave of silent hosts', signal, () => runReaper(reaper, signal)),
    ]);
    membership = { ...records, end, ended, fallSilent };
  }

  /** Goes on whatever happens: without it, the host would be a member by half, and nobody would notice. */
  async function keep(
    what: string,
    signal: AbortSignal,
    loop: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    while (!signal.aborted) {
      await loop(signal).catch((error: unknown) => {
        if (!signal.aborted) log.error(`${what} has failed, beginning again`, { error: messageOf(error) });
      });
      await sleep(RETRY.maxTimeout, undefined, { signal }).catch(() => undefined);
    }
  }

  async function endMembership(): Promise<void> {
    membership?.end.abort();
    await membership?.ended;
  }

  return {
    alone,
    /** Be a member: of a cluster whose store can be reached. When that fails, all is as before. */
    async connect(): Promise<Store> {
      const cluster = openCluster();
      const wasAlone = seat.current !== undefined;
      const node = makeNode(cluster.store);
      const records = { hosts: createHosts(cluster.store, log), evictions: createEvictions(cluster.store) };
      try {
        const peers = await records.hosts.list();
        const condition = await records.evictions.condition(hostId);
        await leaveSeat('this host is joining the cluster: try again in a moment');
        await bring(node);
        if (await sit(node, peers)) await register(records.hosts, condition);
        await forgetAlone();
        takePart(cluster, node, records);
        return cluster.store;
      } catch (error) {
        // What was brought is nobody's there when the host does not come.
        if (wasAlone) await node.ipam.releaseHost(hostId).catch(() => undefined);
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
      membership?.fallSilent.abort();
      membership = undefined;
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
    /**
     * The agent ends; containers, and this host's place in the cluster, stay as they are: its session goes on for as long as
     * it would after a crash, so that an agent that is started again is missed by nobody.
     */
    async close(): Promise<void> {
      await endMembership();
      if (membership) await seat.vacate('the agent stops');
      else await leaveSeat('the agent stops');
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
