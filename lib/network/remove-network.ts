import { AppError } from '../base/errors.js';
import { blockPrefix, leasesOf, parseBlock, type Lease } from '../ipam/blocks.js';
import { MAX_OPERATIONS } from '../store/limits.js';
import type { Entry, Operation, Store } from '../store/store.js';
import { NETWORKS_PREFIX, parseNetwork, toNetwork, type StoredNetwork } from './stored-network.js';

/** Other hosts may write the same keys too; losing this many times in a row is no accident. */
const RETRIES = 20;
/** Names of the other hosts by their ids, for people. */
export type OtherHosts = () => Promise<ReadonlyMap<string, string>>;
const noOthers: OtherHosts = async () => new Map();

/** How many active endpoints a refusal names. */
const NAMED = 3;

/**
 * Removes a network and the leases on it that are not up: those of stopped containers, and reservations. Two steps, because a
 * lease may be written at the same moment: the record is marked first, after which no lease can be committed (leases check
 * its version), and removed only when no lease is up.
 *
 * @param missing makes the error for a network that does not exist
 * @returns a version of which the record no longer was: later than all that it had
 * @throws AppError `conflict` when endpoints are active on it
 */
export async function removeNetwork(
  store: Store,
  id: string,
  missing: (id: string) => Promise<AppError>,
  otherHosts = noOthers,
): Promise<number> {
  // To all hosts, a marked network is gone at once: a user's mistake must not take it away from the containers on it.
  await assertIdle(id, await store.list(blockPrefix(id)), otherHosts);
  const marked = await mark(store, id, missing);
  return finishRemoval(store, marked, otherHosts);
}

/** Removes a marked network, or clears the mark when an endpoint turns out to be active. Returns and throws the same. */
export async function finishRemoval(store: Store, marked: Entry, otherHosts = noOthers): Promise<number> {
  const { id, vni } = parseNetwork(marked);
  for (let attempt = 0, record = marked; attempt < RETRIES; attempt++) {
    const blocks = await store.list(blockPrefix(id));
    try {
      await assertIdle(id, blocks, otherHosts);
    } catch (error) {
      await unmark(store, record);
      throw error;
    }
    const version = await removeAll(store, record, blocks);
    if (version) return version;
    // A lease has been changed or given back meanwhile, or another host removes the network too.
    const now = await store.get(record.key);
    if (!now || parseNetwork(now).vni !== vni) return record.version + 1;
    if (parseNetwork(now).removing) record = now;
    else {
      // The other host has found an endpoint that is active. Without the mark, nothing may be deleted.
      await assertIdle(id, await store.list(blockPrefix(id)), otherHosts);
      break;
    }
  }
  throw keepsChanging(id);
}

async function unmark(store: Store, { key, version, value }: Entry): Promise<void> {
  const network = toNetwork(parseNetwork({ key, version, value }));
  await store.commit([{ key, value: JSON.stringify(network), ifVersion: version }]);
}

/**
 * Deletes blocks and record, in one commit if they fit into one, the record always in the last: until then the mark keeps new
 * leases out, and whoever comes across it finishes the removal.
 *
 * @returns the last commit's version; 0 when one of them has changed: those before it may be gone
 */
async function removeAll(store: Store, { key, version }: Entry, blocks: readonly Entry[]): Promise<number> {
  const deletions: Operation[] = blocks.map((block) => ({
    key: block.key,
    value: null,
    ifVersion: block.version,
  }));
  const perCommit = MAX_OPERATIONS - 1;
  while (deletions.length > perCommit) {
    const part = deletions.splice(0, perCommit);
    if (!(await store.commit([{ key, ifVersion: version }, ...part]))) return 0;
  }
  return store.commit([{ key, value: null, ifVersion: version }, ...deletions]);
}

/** Throws `conflict`, in the words of Docker, when a lease is up. */
async function assertIdle(id: string, blocks: readonly Entry[], otherHosts: OtherHosts): Promise<void> {
  const active = blocks.flatMap(readable).filter(({ up }) => up);
  if (active.length === 0) return;
  // Where the network is to be removed, nobody sees a container that is elsewhere.
  const hosts = await otherHosts().catch(() => new Map<string, string>());
  const some = active.slice(0, NAMED).map(({ ip, names: [name], host }) => {
    const where = hosts.has(host) ? `on ${hosts.get(host)}` : '';
    const who = [name, where].filter(Boolean).join(' ');
    return who ? `${ip} (${who})` : ip;
  });
  if (active.length > NAMED) some.push('…');
  throw new AppError(
    'conflict',
    `error while removing network: network ${id} has active endpoints: ${some.join(', ')}`,
  );
}

/** A block that cannot be understood belongs to nobody, and goes with the network. */
function readable(entry: Entry): Lease[] {
  try {
    return leasesOf(entry.key, parseBlock(entry));
  } catch {
    return [];
  }
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
  throw keepsChanging(id);
}

function keepsChanging(id: string): AppError {
  return new AppError('unavailable', `network ${id} could not be removed: it keeps changing, try again`);
}
