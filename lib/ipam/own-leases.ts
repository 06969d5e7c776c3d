import type { Lease } from './blocks.js';

/** This host's leases, by network and address, and by container. */
export interface OwnLeases {
  /** Adds a lease. One that has changed is dropped as it was and put as it is. */
  put(lease: Lease): void;
  drop(lease: Lease): void;
  of(container: string): Lease[];
  all(): Lease[];
}

export function createOwnLeases(): OwnLeases {
  const leases = new Map<string, Lease>();
  /** Keys of `leases`. */
  const byContainer = new Map<string, Set<string>>();
  const keyOf = ({ network, ip }: Lease) => `${network} ${ip}`;
  return {
    put(lease) {
      const key = keyOf(lease);
      leases.set(key, lease);
      if (lease.container === undefined) return;
      const keys = byContainer.get(lease.container) ?? new Set();
      byContainer.set(lease.container, keys.add(key));
    },
    drop(lease) {
      const key = keyOf(lease);
      leases.delete(key);
      if (lease.container === undefined) return;
      const keys = byContainer.get(lease.container);
      keys?.delete(key);
      if (keys?.size === 0) byContainer.delete(lease.container);
    },
    of: (container) => [...(byContainer.get(container) ?? [])].flatMap((key) => leases.get(key) ?? []),
    all: () => [...leases.values()],
  };
}
