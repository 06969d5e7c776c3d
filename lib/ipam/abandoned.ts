import type { BlockWriter } from './block-writer.js';
import type { Lease } from './blocks.js';
import type { LeaseIndex } from './lease-index.js';

/** A write is not under way for as long as it takes to give up on so many others. */
const MOST = 10_000;

/**
 * Leases that were given up because the store did not answer, though it may have made them, or may make them yet: nobody
 * knows of them, so those that turn up are given back, and their addresses may be leased before that.
 */
export interface AbandonedLeases {
  add(lease: Lease): void;
  has(lease: { id: string }): boolean;
  /** Gives back those that have turned up and could not be given back then. Does not wait for it. */
  reclaim(): void;
}

export function createAbandonedLeases({
  index,
  writer,
}: {
  index: Pick<LeaseIndex, 'at' | 'subscribe'>;
  writer: Pick<BlockWriter, 'edit'>;
}): AbandonedLeases {
  /** By id, the oldest first. */
  const leases = new Map<string, Lease>();
  /** Ids of those that are being given back. */
  const returning = new Set<string>();

  async function giveBack({ id, ip, block: key }: Lease): Promise<void> {
    if (returning.has(id)) return;
    returning.add(id);
    try {
      await writer.edit({
        key,
        change({ leases: current }) {
          if (current[ip]?.id === id) delete current[ip];
        },
      });
    } catch {
      // Tried again when asked to.
    } finally {
      returning.delete(id);
    }
  }

  index.subscribe(({ put, drop }) => {
    if (leases.size === 0) return;
    for (const { id } of drop) leases.delete(id);
    for (const lease of put) if (leases.has(lease.id)) void giveBack(lease);
  });

  function reclaim(): void {
    for (const lease of leases.values())
      if (index.at(lease.network, lease.ip)?.id === lease.id) void giveBack(lease);
  }

  return {
    add(lease) {
      leases.set(lease.id, lease);
      const [oldest] = leases.keys();
      if (leases.size > MOST && oldest !== undefined) leases.delete(oldest);
      // It may have turned up before it was given up.
      if (index.at(lease.network, lease.ip)?.id === lease.id) void giveBack(lease);
    },
    has: ({ id }) => leases.has(id),
    reclaim,
  };
}
