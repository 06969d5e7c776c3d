import { AppError } from '../base/errors.js';
import { blockPrefix, leasesOf, parseBlock } from '../ipam/blocks.js';
import type { Entry, Store } from '../store/store.js';
import { NETWORKS_PREFIX, parseNetwork, toNetwork, type StoredNetwork } from './stored-network.js';

/** Other hosts may write the record too; losing this many times in a row is no accident. */
const RETRIES = 20;

/**
 * Two steps, because a lease may be written at the same moment: the record is marked first, after which no lease can be
 * committed (leases check its version), and removed only when no lease is left.
 *
 * @param missing makes the error for a network that does not exist
 * @throws AppError `conflict` when containers have addresses on it
 */
export async function removeNetwork(
  store: Store,
  id: string,
  missing: (id: string) => Promise<AppError>,
): Promise<void> {
  // To all hosts, a marked network is gone at once: a user's mistake must not take it away from the containers on it.
  await assertUnused(store, id);
  const marked = await mark(store, id, missing);
  await finishRemoval(store, marked);
}

/** Removes a marked network, or clears the mark when the network turns out to be in use. */
export async function finishRemoval(store: Store, marked: Entry): Promise<void> {
  const { key, version } = marked;
  const stored = parseNetwork(marked);
  try {
    await assertUnused(store, stored.id);
  } catch (error) {
    await store.commit([{ key, value: JSON.stringify(toNetwork(stored)), ifVersion: version }]);
    throw error;
  }
  await store.commit([{ key, value: null, ifVersion: version }]);
}

async function assertUnused(store: Store, id: string): Promise<void> {
  const blocks = await store.list(blockPrefix(id));
  const leases = blocks.flatMap((entry) => leasesOf(entry.key, parseBlock(entry)));
  if (leases.length === 0) return;
  const some = leases.slice(0, 3).map(({ ip }) => ip);
  throw new AppError(
    'conflict',
    `network ${id} is in use: ${leases.length} container${leases.length > 1 ? 's have' : ' has'} ` +
      `an address on it (${some.join(', ')}${leases.length > 3 ? ', …' : ''}); remove them first`,
  );
}

async function mark(store: Store, id: string, missing: (id: string) => Promise<AppError>): Promise<Entry> {
  const key = NETWORKS_PREFIX + id;
  for (let attempt = 0; attempt < RETRIES; attempt++) {
    const entry = await store.get(key);
    if (!entry) throw await missing(id);
    const stored: StoredNetwork = { ...parseNetwork(entry), removing: true };
    await store.commit([{ key, value: JSON.stringify(stored), ifVersion: entry.version }]);
    const marked = await store.get(key);
    if (marked && parseNetwork(marked).removing) return marked;
  }
  throw new AppError('unavailable', `network ${id} could not be removed: it keeps changing, try again`);
}
