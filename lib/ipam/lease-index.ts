import type { Change, Entry } from '../store/store.js';
import {
  blockPrefix,
  firstOfBlock,
  isBlockKey,
  isSameLease,
  leasesOf,
  networkOfBlock,
  parseBlock,
  type Lease,
  type StoredBlock,
} from './blocks.js';
import { createOwnLeases } from './own-leases.js';

/** Leases that are new or changed, and leases that are gone, including those whose address now has another lease. */
export interface LeaseChange {
  put: Lease[];
  drop: Lease[];
}

/** A block that is in the store. */
export interface KnownBlock {
  /** Its first address. */
  first: number;
  /** How many of its addresses are leased. */
  count: number;
}

interface Known {
  /** 0 when the block is gone. */
  version: number;
  block?: StoredBlock;
}

/**
 * All leases of all hosts, as far as this process has read or written them. Entries come from two sources, the store's watch
 * and this process's own commits; versions tell which is newer.
 */
export interface LeaseIndex {
  /** Take over a change from the store's watch. */
  apply(change: Change): void;
  /**
   * Take over what the store had at a key; undefined when it had nothing.
   *
   * @param seen version that was known here before the store was asked. If it is still the known version, the answer is right
   *   whatever its own version, as the store may have been set back; otherwise what has arrived since is newer
   */
  set(key: string, entry: Entry | undefined, seen: number): void;
  /** Take over what this process has committed. */
  committed(key: string, block: StoredBlock | undefined, version: number): void;
  /** The block at a key and its version, 0 for none. */
  block(key: string): Known;
  /** The network's blocks that were made by this host. */
  ownBlocks(network: string): Iterable<KnownBlock>;
  blocks(network: string): Iterable<KnownBlock>;
  blockAt(network: string, first: number): KnownBlock | undefined;
  /** Keys of all blocks, or of one network's. */
  keys(network?: string): string[];
  at(network: string, ip: string): Lease | undefined;
  leases(network: string): Iterable<Lease>;
  count(network: string): number;
  /** This host's lease of an address. */
  ownAt(network: string, ip: string): Lease | undefined;
  /** This host's leases for a container. */
  ofContainer(container: string): Lease[];
  /** All leases of this host. */
  owned(): Lease[];
  /** All leases of all hosts. */
  all(): Iterable<Lease>;
  ofHost(host: string): Lease[];
  /** Hosts that have leases. */
  hosts(): Set<string>;
  /**
   * Calls back with every change from now on.
   *
   * @param listener told of the change, and whether it was read from the store; otherwise this process has just committed it
   */
  subscribe(listener: (change: LeaseChange, wasRead: boolean) => void): void;
}

interface NetworkLeases {
  /** By first address; `own` holds only this host's. */
  blocks: Map<number, KnownBlock>;
  own: Map<number, KnownBlock>;
  /** By address. */
  leases: Map<string, Lease>;
}

/**
 * @param host id of this host
 * @param onInvalid told of each block that cannot be understood
 */
export function createLeaseIndex(
  host: string,
  onInvalid: (error: unknown) => void = () => undefined,
): LeaseIndex {
  const blocks = new Map<string, Known>();
  /**
   * Versions at which this process deleted blocks, until the watch reports the deletion: what it reports before that is
   * older.
   */
  const deleted = new Map<string, number>();
  const byNetwork = new Map<string, NetworkLeases>();
  const own = createOwnLeases();
  const listeners: ((change: LeaseChange, wasRead: boolean) => void)[] = [];

  function networkOf(network: string) {
    let known = byNetwork.get(network);
    if (!known) byNetwork.set(network, (known = { blocks: new Map(), own: new Map(), leases: new Map() }));
    return known;
  }

  /** Replaces a block and returns what that changed. */
  function replace(key: string, block: StoredBlock | undefined, version: number): LeaseChange {
    const network = networkOf(networkOfBlock(key));
    const before = Object.keys(blocks.get(key)?.block?.leases ?? {});
    const after = leasesOf(key, block);
    const put = after.filter((lease) => !isSameLease(network.leases.get(lease.ip), lease));
    const drop = before.flatMap((ip) => {
      const lease = network.leases.get(ip);
      return lease && block?.leases[ip]?.id !== lease.id ? [lease] : [];
    });
    if (block) blocks.set(key, { version, block });
    else blocks.delete(key);
    const summary = { first: firstOfBlock(key), count: after.length };
    toggle(network.blocks, summary, block !== undefined);
    toggle(network.own, summary, block?.host === host);
    for (const lease of drop) {
      network.leases.delete(lease.ip);
      if (lease.host === host) own.drop(lease);
    }
    for (const lease of put) {
      const before = network.leases.get(lease.ip);
      if (before?.host === host) own.drop(before);
      network.leases.set(lease.ip, lease);
      if (lease.host === host) own.put(lease);
    }
    return { put, drop };
  }

  function tell(change: LeaseChange, wasRead = true): void {
    if (change.put.length + change.drop.length === 0) return;
    for (const listener of listeners) listener(change, wasRead);
  }

  const known = (key: string): Known => blocks.get(key) ?? { version: 0 };

  function isNews({ key, version }: Entry): boolean {
    return version > Math.max(known(key).version, deleted.get(key) ?? 0);
  }

  function* all(): Generator<Lease> {
    for (const { leases } of byNetwork.values()) yield* leases.values();
  }

  /**
   * A block that cannot be understood belongs to nobody, and may be overwritten; a key that is not a block's is ignored. One
   * bad key must not bring down every agent.
   */
  function read(entry: Entry): StoredBlock | undefined {
    try {
      return parseBlock(entry);
    } catch (error) {
      onInvalid(error);
      return isBlockKey(entry.key) ? { host: '', leases: {} } : undefined;
    }
  }

  function place(entry: Entry): LeaseChange {
    const block = read(entry);
    return block ? replace(entry.key, block, entry.version) : { put: [], drop: [] };
  }

  return {
    apply({ put, drop }) {
      const change: LeaseChange = { put: [], drop: [] };
      const merge = (part: LeaseChange) => {
        change.put.push(...part.put);
        change.drop.push(...part.drop);
      };
      for (const entry of put) if (isNews(entry)) merge(place(entry));
      for (const { key, version } of drop) {
        if ((deleted.get(key) ?? Infinity) <= version) deleted.delete(key);
        if (version > known(key).version) merge(replace(key, undefined, 0));
      }
      tell(change);
    },
    set(key, entry, seen) {
      const isUnchanged = known(key).version === seen;
      if (entry === undefined) {
        if (isUnchanged) tell(replace(key, undefined, 0));
      } else if (isUnchanged && seen > 0 ? entry.version !== seen : isNews(entry)) tell(place(entry));
    },
    committed(key, block, version) {
      if (block) deleted.delete(key);
      else deleted.set(key, version);
      tell(replace(key, block, version), false);
    },
    block: known,
    ownBlocks: (network) => networkOf(network).own.values(),
    blocks: (network) => networkOf(network).blocks.values(),
    blockAt: (network, first) => byNetwork.get(network)?.blocks.get(first),
    keys: (network) => [...blocks.keys()].filter((key) => key.startsWith(blockPrefix(network))),
    at: (network, ip) => byNetwork.get(network)?.leases.get(ip),
    leases: (network) => byNetwork.get(network)?.leases.values() ?? [],
    count: (network) => byNetwork.get(network)?.leases.size ?? 0,
    ownAt(network, ip) {
      const lease = byNetwork.get(network)?.leases.get(ip);
      return lease?.host === host ? lease : undefined;
    },
    ofContainer: own.of,
    owned: own.all,
    all,
    ofHost: (of) => [...all()].filter((lease) => lease.host === of),
    hosts: () => new Set([...all()].map((lease) => lease.host)),
    subscribe: (listener) => void listeners.push(listener),
  };
}

function toggle(blocks: Map<number, KnownBlock>, block: KnownBlock, on: boolean): void {
  if (on) blocks.set(block.first, block);
  else blocks.delete(block.first);
}
