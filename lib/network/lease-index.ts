import type { Change, Entry } from '../store/store.js';
import { leasesOf, networkOfBlock, parseBlock, type Lease, type StoredBlock } from './blocks.js';

/** Leases that are new or changed, and leases that are gone: also those whose address is another container's now. */
export interface LeaseChange {
  put: Lease[];
  drop: Lease[];
}

interface Known {
  /** 0 when the block is gone. */
  version: number;
  block?: StoredBlock;
}

/**
 * All leases of all hosts, as far as this process has read or written them. Entries come from two sides, the store's watch
 * and this process's own commits; versions tell which is newer.
 */
export interface LeaseIndex {
  /** Take over what the store's watch gave. */
  apply(change: Change): void;
  /**
   * Take over what the store had at a key; undefined: nothing.
   *
   * @param seen version that was known here before the store was asked: what has come since is newer than nothing
   */
  set(key: string, entry: Entry | undefined, seen: number): void;
  /** Take over what this process has committed. */
  committed(key: string, block: StoredBlock | undefined, version: number): void;
  /** The block at a key and its version, 0 for none. */
  block(key: string): Known;
  /** Keys of the network's blocks that were made by this host. */
  ownBlocks(network: string): Iterable<string>;
  blocks(network: string): Iterable<string>;
  /** Keys of all blocks, or of one network's. */
  keys(network?: string): string[];
  at(network: string, ip: string): Lease | undefined;
  leases(network: string): Iterable<Lease>;
  count(network: string): number;
  /** The lease that this host has given to a container; the first, if a write that was given up made a second. */
  own(container: string): Lease | undefined;
  owned(): string[];
  /** All leases of a host, or of all hosts. */
  all(host?: string): Lease[];
  /** Calls back with every change from now on. */
  subscribe(listener: (change: LeaseChange) => void): void;
}

/** @param host id of this host */
export function createLeaseIndex(host: string): LeaseIndex {
  const blocks = new Map<string, Known>();
  /** Versions at which this process deleted blocks, until the watch has told of it: what it tells before is older. */
  const deleted = new Map<string, number>();
  const byNetwork = new Map<string, { blocks: Set<string>; own: Set<string>; leases: Map<string, Lease> }>();
  /** This host's leases, by container and address. */
  const byContainer = new Map<string, Map<string, Lease>>();
  const listeners: ((change: LeaseChange) => void)[] = [];

  function networkOf(network: string) {
    let known = byNetwork.get(network);
    if (!known) byNetwork.set(network, (known = { blocks: new Set(), own: new Set(), leases: new Map() }));
    return known;
  }

  function own(lease: Lease): void {
    const leases = byContainer.get(lease.container) ?? new Map<string, Lease>();
    byContainer.set(lease.container, leases.set(lease.ip, lease));
  }

  function disown({ container, ip }: Lease): void {
    const leases = byContainer.get(container);
    leases?.delete(ip);
    if (leases?.size === 0) byContainer.delete(container);
  }

  /** Replaces a block and gives what that changed. */
  function replace(key: string, block: StoredBlock | undefined, version: number): LeaseChange {
    const network = networkOf(networkOfBlock(key));
    const before = new Map(leasesOf(key, blocks.get(key)?.block).map((lease) => [lease.ip, lease]));
    const after = leasesOf(key, block);
    const put = after.filter((lease) => !isSame(before.get(lease.ip), lease));
    const owners = new Map(after.map(({ ip, container }) => [ip, container]));
    const drop = [...before.values()].filter(({ ip, container }) => owners.get(ip) !== container);
    if (block) blocks.set(key, { version, block });
    else blocks.delete(key);
    toggle(network.blocks, key, block !== undefined);
    toggle(network.own, key, block?.host === host);
    for (const lease of drop) {
      network.leases.delete(lease.ip);
      disown(lease);
    }
    for (const lease of put) {
      network.leases.set(lease.ip, lease);
      if (lease.host === host) own(lease);
      else disown(lease);
    }
    return { put, drop };
  }

  function tell(change: LeaseChange): void {
    if (change.put.length + change.drop.length > 0) for (const listener of listeners) listener(change);
  }

  const known = (key: string): Known => blocks.get(key) ?? { version: 0 };

  function isNews({ key, version }: Entry): boolean {
    return version > Math.max(known(key).version, deleted.get(key) ?? 0);
  }

  return {
    apply({ put, drop }) {
      const change: LeaseChange = { put: [], drop: [] };
      const merge = (part: LeaseChange) => {
        change.put.push(...part.put);
        change.drop.push(...part.drop);
      };
      for (const entry of put) if (isNews(entry)) merge(replace(entry.key, parseBlock(entry), entry.version));
      for (const { key, version } of drop) {
        if ((deleted.get(key) ?? Infinity) <= version) deleted.delete(key);
        if (version > known(key).version) merge(replace(key, undefined, 0));
      }
      tell(change);
    },
    set(key, entry, seen) {
      if (entry === undefined) {
        if (known(key).version === seen) tell(replace(key, undefined, 0));
      } else if (isNews(entry)) tell(replace(key, parseBlock(entry), entry.version));
    },
    committed(key, block, version) {
      if (block) deleted.delete(key);
      else deleted.set(key, version);
      tell(replace(key, block, version));
    },
    block: known,
    ownBlocks: (network) => networkOf(network).own,
    blocks: (network) => networkOf(network).blocks,
    keys: (network) => (network === undefined ? [...blocks.keys()] : [...networkOf(network).blocks]),
    at: (network, ip) => byNetwork.get(network)?.leases.get(ip),
    leases: (network) => byNetwork.get(network)?.leases.values() ?? [],
    count: (network) => byNetwork.get(network)?.leases.size ?? 0,
    own: (container) => byContainer.get(container)?.values().next().value,
    owned: () => [...byContainer.keys()],
    all: (of) =>
      [...byNetwork.values()]
        .flatMap(({ leases }) => [...leases.values()])
        .filter((lease) => of === undefined || lease.host === of),
    subscribe: (listener) => void listeners.push(listener),
  };
}

function toggle(set: Set<string>, key: string, on: boolean): void {
  if (on) set.add(key);
  else set.delete(key);
}

function isSame(a: Lease | undefined, b: Lease): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
