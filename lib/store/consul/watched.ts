import type { Change, Entry } from '../store.js';

/** What one watch has yielded, and has yet to yield. */
export interface Watched {
  readonly prefix: string;
  /** Whether everything was read once, and nothing has been missed since. */
  complete: boolean;
  /** Whether the watch has yet to report that the store was set back. */
  wasSetBack: boolean;
  /** Version of a key as last reported, 0 for an unknown key. */
  versionOf(key: string): number;
  put(entry: Entry): void;
  /** The key did not exist after the commit of that version. */
  drop(key: string, version: number): void;
  /** Takes everything under the prefix at a version; what differs from what was reported will be yielded. */
  reset(entries: readonly Entry[], version: number): void;
  /** Resolves to what has yet to be yielded, as soon as there is something; to undefined when aborted. */
  next(signal: AbortSignal): Promise<Change | undefined>;
}

export function createWatched(prefix: string): Watched {
  const versions = new Map<string, number>();
  const put = new Map<string, Entry>();
  const dropped = new Map<string, number>();
  let started = false;
  let wake: () => void = () => undefined;
  // The first change is yielded even when there is nothing under the prefix.
  const isReady = () => put.size + dropped.size > 0 || (watched.complete && (!started || watched.wasSetBack));

  const watched: Watched = {
    prefix,
    complete: false,
    wasSetBack: false,
    versionOf: (key) => versions.get(key) ?? 0,
    put(entry) {
      if (!entry.key.startsWith(prefix) || versions.get(entry.key) === entry.version) return;
      versions.set(entry.key, entry.version);
      put.set(entry.key, entry);
      dropped.delete(entry.key);
      wake();
    },
    // This includes a key that was never yielded, because whoever wrote it knows it.
    drop(key, version) {
      versions.delete(key);
      put.delete(key);
      dropped.set(key, version);
      wake();
    },
    reset(entries, version) {
      const present = new Set(entries.map(({ key }) => key));
      for (const key of [...versions.keys()]) if (!present.has(key)) watched.drop(key, version);
      for (const entry of entries) watched.put(entry);
      watched.complete = true;
      wake();
    },
    async next(signal) {
      const aborted = () => wake();
      signal.addEventListener('abort', aborted);
      while (!signal.aborted && !isReady()) await new Promise<void>((resolve) => (wake = resolve));
      signal.removeEventListener('abort', aborted);
      if (signal.aborted) return undefined;
      started = true;
      const change = {
        put: [...put.values()],
        drop: [...dropped].map(([key, version]) => ({ key, version })),
        ...(watched.wasSetBack && { wasSetBack: true }),
      };
      watched.wasSetBack = false;
      put.clear();
      dropped.clear();
      return change;
    },
  };
  return watched;
}
