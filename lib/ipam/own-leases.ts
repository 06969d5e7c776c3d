import type { Lease } from './blocks.js';

/** This host's leases by container. A write that was given up may have made a second one for a container. */
export interface OwnLeases {
  put(lease: Lease): void;
  drop(lease: Lease): void;
  /** The container's first lease. */
  of(container: string): Lease | undefined;
  containers(): string[];
}

export function createOwnLeases(): OwnLeases {
  /** By container and address. */
  const leases = new Map<string, Map<string, Lease>>();
  return {
    put(lease) {
      const some = leases.get(lease.container) ?? new Map<string, Lease>();
      leases.set(lease.container, some.set(lease.ip, lease));
    },
    drop({ container, ip }) {
      const some = leases.get(container);
      some?.delete(ip);
      if (some?.size === 0) leases.delete(container);
    },
    of: (container) => leases.get(container)?.values().next().value,
    containers: () => [...leases.keys()],
  };
}
