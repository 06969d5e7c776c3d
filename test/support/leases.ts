import { blockPrefix, leasesOf, parseBlock, type Lease } from '../../lib/ipam/blocks.js';
import type { Grant } from '../../lib/ipam/ipam.js';
import type { Store } from '../../lib/store/store.js';

/** All leases in the store. */
export async function storedLeases(store: Store): Promise<Lease[]> {
  return (await store.list(blockPrefix())).flatMap((entry) => leasesOf(entry.key, parseBlock(entry)));
}

/** The grant of an address to a container that runs. */
export function grantTo(container: string, change: Partial<Grant> = {}): Grant {
  return { container, kept: false, names: [], up: true, ...change };
}
