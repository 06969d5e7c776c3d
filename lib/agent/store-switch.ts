import { setTimeout as sleep } from 'node:timers/promises';
import { createEvictions } from '../cluster/hosts/evictions.js';
import { createHosts, type HostRecord, type HostRecords } from '../cluster/hosts/records.js';
import type { ReaperTimeouts } from '../cluster/hosts/reaper-plan.js';
import { runReaper } from '../cluster/hosts/reaper.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { transfer } from './transfer.js';
import type { Node } from './services.js';
import { createPresence, othersThan, RETRY, type Presence } from '../cluster/hosts/registration.js';
import type { Seat } from './current.js';
import { MAX_OPERATIONS } from '../store/limits.js';
import type { ClusterStore } from '../store/open-consul.js';
import type { Store } from '../store/store.js';

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
  terms: ReaperTimeouts;
  /** Ends a host's part in Consul. */
  forceLeave: (hostId: string) => Promise<void>;
  log: Log;
}

/** This host's part in a cluster. */
interface Part {
  hosts: HostRecords<HostRecord>;
  presence: Presence;
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

  async function leaveSeat(reason: string): Promise<void> {
    const store = seat.current?.store;
    await seat.vacate(reason);
    await store?.close();
  }

  /** Gives whether others may take packets from this host. */
  async function sit(node: Node, peers: readonly HostRecord[] = []): Promise<boolean> {
    const isRight = await node.start(othersThan(hostId, peers));
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

  function takePart(
    { store, liveness, election }: ClusterStore,
    node: Node,
    part: Pick<Part, 'hosts' | 'presence' | 'end'>,
  ): void {
    const fallSilent = new AbortController();
    const { signal } = part.end;
    const { releaseHost: release, index } = node.ipam;
    const holders = () => index.hosts();
    const reaper = { store, liveness, election, terms, holders, release, forceLeave, log };
    void keep('saying that this host is alive', fallSilent.signal, (quiet) =>
      liveness.announce(hostId, quiet),
    );
    const ended = Promise.all([
      keep('following the other hosts', signal, part.presence.follow),
      keep('taking leave of silent hosts', signal, () => runReaper(reaper, signal)),
    ]);
    membership = { ...part, ended, fallSilent };
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
      const hosts = createHosts(cluster.store, log);
      const evictions = createEvictions(cluster.store);
      const end = new AbortController();
      const { signal } = end;
      const presence = createPresence({ hostId, name, address, node, hosts, evictions, signal, log });
      try {
        const peers = await hosts.list();
        const condition = await evictions.condition(hostId);
        await leaveSeat('this host is joining the cluster: try again in a moment');
        await bring(node);
        if (await sit(node, peers)) await presence.register(condition);
        await forgetAlone();
        takePart(cluster, node, { hosts, presence, end });
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
      await seat.current?.converge();
      await membership?.presence.moved();
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
