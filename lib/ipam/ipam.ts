import { randomBytes } from 'node:crypto';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { silentLog, type Log } from '../base/log.js';
import type { NetworkRecord } from '../base/model.js';
import type { Store } from '../store/store.js';
import { createAbandonedLeases } from './abandoned.js';
import { createBlockWriter } from './block-writer.js';
import type { Lease, StoredLease } from './blocks.js';
import { createAddressChooser } from './choose-address.js';
import { createChosenAddresses, type ChosenAddresses } from './chosen.js';
import { createAddressGiver } from './give-address.js';
import { grantOf, isSameGrant, type Grant } from './grant.js';
import { createLeaseIndex, type LeaseIndex } from './lease-index.js';
import { createLeaseReader } from './read-leases.js';

export type { Lease } from './blocks.js';
export { grantOf, type Grant } from './grant.js';

/** Random bytes in the id of a lease, which only tells apart the leases that one address has in the course of time. */
const ID_BYTES = 8;

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
  /** Puts back a lease of any host, which nobody uses now. Throws what {@link Ipam.lease} throws. */
  putBack(record: NetworkRecord, lease: Grant & { host: string; time: string; ip: string }): Promise<Lease>;
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
  /** What users chose on this host, which others get only when nothing else is left. */
  readonly chosen: ChosenAddresses;
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
  clock = () => performance.now(),
}: {
  store: Store;
  /** Id of this host, written into each lease. */
  host: string;
  /** Told of entries in the store that cannot be understood; they are ignored. */
  onInvalid?: (error: unknown) => void;
  log?: Log;
  /** What is written into leases. */
  now?: () => Date;
  /** Milliseconds for all that takes time: the time of day may be set, forth and back. */
  clock?: () => number;
}): Ipam {
  const index = createLeaseIndex(host, onInvalid);
  const writer = createBlockWriter({ store, index, host });
  const reader = createLeaseReader({ store, index, log });
  const chosen = createChosenAddresses(clock);
  const chooser = createAddressChooser(index, { now: clock, chosen: chosen.on });
  const abandoned = createAbandonedLeases({ index, writer });
  const giver = createAddressGiver({ index, writer, reader, chooser, abandoned, host });
  const lock = createKeyedLock();

  /**
   * Runs an edit of this host's lease of an address, one at a time.
   *
   * @param edit the lease as this host believes it to be
   */
  function withLease<T>(
    network: string,
    ip: string,
    edit: (lease: Lease) => Promise<T>,
  ): Promise<T | undefined> {
    return lock(`${network} ${ip}`, async () => {
      // An earlier write that got no answer may have been made all the same.
      await writer.settle(index.ownAt(network, ip)?.block);
      const lease = index.ownAt(network, ip);
      return lease && edit(lease);
    });
  }

  return {
    chosen,
    index,
    async load() {
      await reader.refresh();
      abandoned.reclaim();
    },
    follow: reader.follow,
    async lease(record, grant, requested) {
      await writer.settle();
      abandoned.reclaim();
      const id = randomBytes(ID_BYTES).toString('hex');
      return giver.give(record, { id, host, time: now().toISOString(), ...grantOf(grant) }, requested);
    },
    async putBack(record, { host: holder, time, ip, ...grant }) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const unused = { ...grantOf(grant), endpoint: undefined, up: false };
      return giver.give(record, { id, host: holder, time, ...grantOf(unused) }, ip);
    },
    update: (network, ip, change) =>
      withLease(network, ip, async (lease) => {
        const { id, block: key } = lease;
        if (isSameGrant(lease, { ...lease, ...change })) return lease;
        let updated: Lease | undefined;
        await writer.edit({
          key,
          change({ leases }) {
            const found = leases[ip];
            // Only while it is still this lease: another's lease of the same address may not be changed.
            const next = found?.id === id ? changed(found, change) : undefined;
            if (next) leases[ip] = next;
            updated = next && { ...next, network, ip, block: key };
          },
        });
        return updated;
      }),
    async release(network, ip, onlyIf = () => true) {
      await withLease(network, ip, ({ id, block: key }) =>
        writer.edit({
          key,
          change({ leases }) {
            const found = leases[ip];
            if (found?.id === id && onlyIf({ ...found, network, ip, block: key })) delete leases[ip];
          },
        }),
      );
    },
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
    find: index.ownAt,
    ofContainer: index.ofContainer,
    owned: index.owned,
    usedOn: index.count,
  };
}

/** The lease with what a change says; the same object when it says that already. */
function changed(lease: StoredLease, change: Partial<Grant>): StoredLease {
  const { id, host, time } = lease;
  const grant = grantOf({ ...lease, ...change });
  return isSameGrant(lease, grant) ? lease : { id, host, time, ...grant };
}
