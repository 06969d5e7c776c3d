import { retryForever } from '../concurrency/retry-forever.js';
import type { Log } from '../base/log.js';
import type { Entry, Store } from '../store/store.js';
import { blockPrefix } from './blocks.js';
import type { LeaseIndex } from './lease-index.js';

/** Keeps the index in step with what the store holds. */
export interface LeaseReader {
  /** Reads a network's blocks, or all of them: the watch may lag behind. */
  refresh(network?: string): Promise<void>;
  /** Takes over what other hosts write, until `signal` aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

export function createLeaseReader({
  store,
  index,
  log,
}: {
  store: Store;
  index: LeaseIndex;
  log: Log;
}): LeaseReader {
  const versions = (network?: string) =>
    new Map(index.keys(network).map((key) => [key, index.block(key).version]));

  /**
   * @param before versions of what was known before everything was read: keys that are no longer among the entries are gone
   */
  function takeAll(entries: readonly Entry[], before: ReadonlyMap<string, number>): void {
    const found = new Set(entries.map(({ key }) => key));
    for (const entry of entries) index.set(entry.key, entry, before.get(entry.key) ?? 0);
    for (const [key, version] of before) if (!found.has(key)) index.set(key, undefined, version);
  }

  async function refresh(network?: string): Promise<void> {
    const before = versions(network);
    takeAll(await store.list(blockPrefix(network)), before);
  }

  return {
    refresh,
    async follow(signal) {
      let before: Map<string, number> | undefined = versions();
      for await (const change of store.watch(blockPrefix(), signal)) {
        index.apply(change);
        // The first change holds everything that exists, but does not say what has gone since the leases were loaded.
        if (before) takeAll(change.put, before);
        before = undefined;
        if (change.wasSetBack)
          await retryForever(() => refresh(), { what: 'read all leases anew', log, signal });
      }
    },
  };
}
