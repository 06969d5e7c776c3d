import type { Lease } from './blocks.js';

/** This host's leases, by network and address, and by container. */
export interface OwnLeases {
  /** Adds a lease, or takes over what it says now. */
  put(lease: Lease): void;
  drop(lease: Pick<Lease, 'network' | 'ip'>): void;
  of(container: string): Lease[];
  all(): Lease[];
}

export function createOwnLeases(): OwnLeases {
  const leases = new Map<string, Lease>();
  /** Keys of `leases`. */
  const byContainer = new Map<string, Set<string>>();

  function drop({ network, ip }: Pick<Lease, 'network' | 'ip'>): void {
    const key = `${network} ${ip}`;
    const container = leases.get(key)?.container;
    leases.delete(key);
    if (container === undefined) return;
    const keys = byContainer.get(container);
    keys?.delete(key);
    if (keys?.size === 0) byContainer.delete(container);
  }

  return {
    put(lease) {
      // The container may be another than before, as a lease can be older than its container.
      drop(lease);
      const key = `${lease.network} ${lease.ip}`;
      leases.set(key, lease);
      if (lease.container === undefined) return;
      const keys = byContainer.get(lease.container) ?? new Set();
      byContainer.set(lease.container, keys.add(key));
    },
    drop,
    of: (container) => [...(byContainer.get(container) ?? [])].flatMap((key) => leases.get(key) ?? []),
    all: () => [...leases.values()],
  };
}
