import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { silentLog, type Log } from '../base/log.js';
import type { Network, NetworkRecord } from '../base/model.js';
import type { Store } from '../store/store.js';
import { createBlockWriter } from './block-writer.js';
import type { Lease, StoredLease } from './blocks.js';
import { createAddressGiver } from './give-address.js';
import { createLeaseIndex, type LeaseIndex } from './lease-index.js';
import { createLeaseReader } from './read-leases.js';

export type { Lease } from './blocks.js';

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
  const reader = createLeaseReader({ store, index, log });
  const giver = createAddressGiver({ index, writer, reader, host });
  const lock = createKeyedLock();

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
    load: () => reader.refresh(),
    follow: reader.follow,
    // One call per container at a time, so that two triggers for the same start cannot lease twice.
    acquire: (record, container, { requested, description = { names: [], up: true } } = {}) =>
      lock(container, async () => {
        await writer.settle();
        const mine = index.own(container);
        if (mine?.network === record.network.id) return { lease: mine, fresh: false };
        const time = now().toISOString();
        const lease = await giver.give(record, { container, host, time, ...description }, requested);
        return { lease, fresh: true };
      }),
    check: giver.check,
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
