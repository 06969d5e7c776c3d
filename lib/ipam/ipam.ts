import pLimit from 'p-limit';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { retryForever } from '../concurrency/retry-forever.js';
import { silentLog, type Log } from '../base/log.js';
import { AppError } from '../base/errors.js';
import type { Entry, Store } from '../store/store.js';
import type { Edit } from './block-edits.js';
import { createBlockWriter } from './block-writer.js';
import { blockKey, blockPrefix, isUsable, type Lease, type StoredBlock, type StoredLease } from './blocks.js';
import { capacityOf, contains, gatewayOf, parseAddress, parseSubnet } from '../base/ipv4.js';
import { createAddressChooser } from './choose-address.js';
import { createLeaseIndex, type LeaseIndex } from './lease-index.js';
import type { Network, NetworkRecord } from '../base/model.js';
import { shortId } from '../base/short-id.js';

export type { Lease } from './blocks.js';

/**
 * How many addresses may be chosen and not written yet: about as many as one write takes. Containers beyond that choose
 * later: as every host looks in the same place, others may be quicker, and an early choice would be in vain.
 */
const CHOSEN = 900;
/** Lost races for one address; each is won by another host, so losing this many in a row is no accident. */
const RETRIES = 1_000;

/** What others on the network may know about a container. */
export interface Description {
  names: string[];
  /** Whether it runs, or is about to. */
  up: boolean;
}

export interface Ipam {
  /** Read all leases: before anything else, and when what is known can no longer be trusted. */
  load(): Promise<void>;
  /** Learn what other hosts lease and give back, until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /**
   * The container's address on the network: the one it has, else the requested one, else the next free one. Takes at most one
   * store write, shared with whatever is written at the same moment, and none when the container already has an address.
   * Throws `conflict` (the requested address belongs to another container), `invalid` (outside the subnet or reserved),
   * `exhausted`, `notFound` (the network is gone), `unavailable`.
   */
  acquire(
    record: NetworkRecord,
    container: string,
    options?: { requested?: string; description?: Description },
  ): Promise<{ lease: Lease; fresh: boolean }>;
  /** Throws like `acquire` when this address could not be given to a new container. */
  check(network: Network, requested: string): Promise<void>;
  /** Tell others what has become of a container; nothing is written when they already know. */
  describe(container: string, description: Description): Promise<void>;
  /** Give back whatever the container has. Having nothing to give back is no error. */
  release(container: string): Promise<void>;
  /** Give back everything held by a host that is gone for good. */
  releaseHost(host: string): Promise<void>;
  /** The lease that this host has given to the container. */
  find(container: string): Lease | undefined;
  /** Containers that have an address from this host. */
  owned(): string[];
  usedOn(network: string): number;
  /** Everything that is leased, by any host. */
  readonly index: LeaseIndex;
}

/**
 * Leases addresses in the store: whatever this host believes, a block is written only by compare-and-swap, so that no address
 * ever has two owners. What other hosts do is learned by watching the store.
 */
export function createIpam({
  store,
  host,
  onInvalid,
  log = silentLog,
  now = () => new Date(),
}: {
  store: Store;
  /** Id of this host, written into each lease. */
  host: string;
  /** Told of entries in the store that cannot be understood; they are ignored. */
  onInvalid?: (error: unknown) => void;
  log?: Log;
  now?: () => Date;
}): Ipam {
  const index = createLeaseIndex(host, onInvalid);
  const writer = createBlockWriter({ store, index, host });
  const chooser = createAddressChooser(index);
  const lock = createKeyedLock();
  const limit = pLimit(CHOSEN);

  async function check(network: Network, requested: string): Promise<void> {
    const subnet = parseSubnet(network.subnet);
    const address = parseAddress(requested);
    if (address === undefined || !contains(subnet, address)) {
      throw new AppError(
        'invalid',
        `address ${JSON.stringify(requested)} is not in subnet ${network.subnet} of network ${network.id}`,
      );
    }
    if (!isUsable(subnet, address)) {
      const role =
        address === gatewayOf(subnet) ? 'gateway' : address === subnet.first ? 'network' : 'broadcast';
      throw new AppError('invalid', `address ${requested} is the ${role} address of network ${network.id}`);
    }
    if (!index.at(network.id, requested)) return;
    // Another host may have given it back a moment ago: the watch may lag behind.
    await writer.refresh([blockKey(network.id, subnet, requested)]);
    const owner = index.at(network.id, requested);
    if (owner) throw taken(owner);
  }

  /** Read a network's blocks, or all of them: the watch may lag behind. */
  async function refresh(network?: string): Promise<void> {
    const before = versions(network);
    const entries = await store.list(blockPrefix(network));
    takeAll(entries, before);
  }

  const versions = (network?: string) =>
    new Map(index.keys(network).map((key) => [key, index.block(key).version]));

  /**
   * @param before versions of what was known before everything was read: keys that are no longer among the entries are gone
   */
  function takeAll(entries: readonly Entry[], before: ReadonlyMap<string, number>): void {
    const found = new Set(entries.map(({ key }) => key));
    for (const entry of entries) index.set(entry.key, entry, before.get(entry.key) ?? 0);
    for (const [key, version] of before) if (!found.has(key)) index.set(key, undefined, version);
  }

  async function choose({ network: { id, subnet } }: NetworkRecord): Promise<string> {
    const free = chooser.choose(id, subnet);
    if (free !== undefined) return free;
    await refresh(id);
    const returned = chooser.choose(id, subnet);
    if (returned !== undefined) return returned;
    const capacity = capacityOf(parseSubnet(subnet));
    throw new AppError('exhausted', `network ${id} (${subnet}) is full: all ${capacity} addresses are taken`);
  }

  /** An edit that gives the address to the container, unless another host was quicker. */
  function giving(record: NetworkRecord, ip: string, lease: StoredLease, any: boolean): Edit {
    const { network } = record;
    const key = blockKey(network.id, parseSubnet(network.subnet), ip);
    // A block that another host has made in the meantime is left to that host as long as there are other blocks.
    const mayShare = any || index.block(key).version > 0;
    return {
      key,
      guard: record,
      change(block: StoredBlock) {
        const owner = block.leases[ip];
        if (owner && owner.container !== lease.container)
          throw new Lost({ ...owner, network: network.id, ip, block: key });
        if (block.host !== host && !mayShare) throw new Lost();
        block.leases[ip] = lease;
      },
    };
  }

  async function give(
    record: NetworkRecord,
    container: string,
    requested: string | undefined,
    { names, up }: Description,
  ): Promise<Lease> {
    const { id, subnet } = record.network;
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      if (requested !== undefined) await check(record.network, requested);
      const ip = requested ?? (await choose(record));
      const lease = { container, host, time: now().toISOString(), names, up };
      try {
        await writer.edit(giving(record, ip, lease, requested !== undefined));
        return { ...lease, network: id, ip, block: blockKey(id, parseSubnet(subnet), ip) };
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        if (requested !== undefined && error.owner) throw taken(error.owner);
        chooser.scatter(id, subnet, ip);
      } finally {
        chooser.done(id, ip);
      }
    }
    throw new AppError('unavailable', `no address of network ${id} could be leased: try again`);
  }

  /** Change the container's lease in its block; null removes it. */
  async function edit(container: string, change: (lease: StoredLease) => StoredLease | null): Promise<void> {
    await writer.settle();
    const lease = index.own(container);
    if (!lease) return;
    await writer.edit({
      key: lease.block,
      change(block) {
        const found = block.leases[lease.ip];
        // Only while it is still this host's lease: nobody else's lease of the same address may be changed.
        if (found?.container !== container || found.host !== host) return;
        const next = change(found);
        if (next) block.leases[lease.ip] = next;
        else delete block.leases[lease.ip];
      },
    });
  }

  return {
    index,
    load: () => refresh(),
    async follow(signal) {
      let before: Map<string, number> | undefined = versions();
      for await (const change of store.watch(blockPrefix(), signal)) {
        index.apply(change);
        // The first change holds everything that exists, but does not say what has gone since the leases were loaded.
        if (before) takeAll(change.put, before);
        before = undefined;
        if (change.wasSetBack)
          await retryForever(() => refresh(), { what: 'read all leases anew', log, signal });
      }
    },
    // One call per container at a time, so that two triggers for the same start cannot lease twice.
    acquire: (record, container, { requested, description = { names: [], up: true } } = {}) =>
      lock(container, async () => {
        await writer.settle();
        const mine = index.own(container);
        if (mine?.network === record.network.id) return { lease: mine, fresh: false };
        const lease = await limit(() => give(record, container, requested, description));
        return { lease, fresh: true };
      }),
    check,
    describe: (container, { names, up }) =>
      lock(container, async () => {
        const known = index.own(container);
        // An earlier change that got no answer may have been made all the same.
        if (known) await writer.settle(known.block);
        const lease = index.own(container);
        if (!lease || (lease.up === up && JSON.stringify(lease.names) === JSON.stringify(names))) return;
        await edit(container, (found) => ({ ...found, names, up }));
      }),
    release: (container) =>
      lock(container, async () => {
        do await edit(container, () => null);
        while (index.own(container));
      }),
    async releaseHost(gone) {
      const keys = new Set(index.ofHost(gone).map(({ block }) => block));
      await Promise.all(
        [...keys].map((key) =>
          writer.edit({
            key,
            change(block) {
              for (const [ip, lease] of Object.entries(block.leases))
                if (lease.host === gone) delete block.leases[ip];
            },
          }),
        ),
      );
    },
    find: (container) => index.own(container),
    owned: () => index.owned(),
    usedOn: (network) => index.count(network),
  };
}

/** Another host was quicker. */
class Lost extends Error {
  constructor(readonly owner?: Lease) {
    super('the address was given to another container meanwhile');
  }
}

function taken({ ip, network, container }: Lease): AppError {
  return new AppError(
    'conflict',
    `address ${ip} of network ${network} is in use by container ${shortId(container)}`,
  );
}
