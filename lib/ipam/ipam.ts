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

/** What a lease says of its owner. */
export interface Grant {
  /** Full id of the container, once there is one: an address may be leased before Docker makes the container. */
  container?: string;
  /** Docker's id of the endpoint that has the address; absent while none has it. */
  endpoint?: string;
  /** Whether the address stays the container's until that is removed; otherwise it is the endpoint's. */
  kept: boolean;
  /** Chosen by the user, lower case and colon-separated; otherwise the MAC follows from the address, see {@link macOf}. */
  mac?: string;
  /** Names by which others on the network find the container; its own name first. */
  names: string[];
  /** Whether an endpoint has the address, or is about to: other hosts send packets to it. */
  up: boolean;
}

export interface Ipam {
  /** Read all leases: before anything else, and when what is known can no longer be trusted. */
  load(): Promise<void>;
  /** Learn what other hosts lease and give back, until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>;
  /**
   * Lease the requested address, else the next free one. Takes at most one store write, shared with whatever is written at
   * the same moment. An address that was given back less than a minute ago, by any host, is leased only when it is requested
   * or no other is left. Throws `conflict` (the requested address is leased, even to the same container), `invalid` (outside
   * the subnet or reserved), `exhausted`, `notFound` (the network is gone), `unavailable`.
   */
  lease(record: NetworkRecord, grant: Grant, requested?: string): Promise<Lease>;
  /** Throws like `lease` when this address could not be leased now. */
  check(network: Network, requested: string): Promise<void>;
  /**
   * Change a lease of this host; nothing is written when it already says so. A field that is present and undefined is
   * removed.
   *
   * @returns the lease as it is now; undefined when this host has none there
   */
  update(network: string, ip: string, change: Partial<Grant>): Promise<Lease | undefined>;
  /**
   * Give an address of this host back. Having nothing to give back is no error.
   *
   * @param onlyIf asked, of what the store holds at that moment, whether it may still be given back
   */
  release(network: string, ip: string, onlyIf?: (lease: Lease) => boolean): Promise<void>;
  /** Give back everything held by a host that is gone for good. */
  releaseHost(host: string): Promise<void>;
  /** This host's lease of an address. */
  find(network: string, ip: string): Lease | undefined;
  /** This host's leases for a container. */
  ofContainer(container: string): Lease[];
  /** All leases of this host. */
  owned(): Lease[];
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
