import type { Change, Entry } from '../store.js';

/** What one watch has given, and has still to give. */
export interface Watched {
  readonly prefix: string;
  /** Whether everything was read once, and nothing missed since. */
  complete: boolean;
  /** Whether it is still to be given that the store was set back. */
  wasSetBack: boolean;
  /** Version of a key as last told, 0 for one that is not known. */
  versionOf(key: string): number;
  put(entry: Entry): void;
  /** It was not there after the commit of that version. */
  drop(key: string, version: number): void;
  /** Takes all that is under the prefix at a version; what differs from what was told is to be given. */
  reset(entries: readonly Entry[], version: number): void;
  /** Resolves to what is still to be given, as soon as there is something; to undefined when aborted. */
  next(signal: AbortSignal): Promise<Change | undefined>;
}

export function createWatched(prefix: string): Watched {
  const versions = new Map<string, number>();
  const put = new Map<string, Entry>();
  const dropped = new Map<string, number>();
  let started = false;
  let wake: () => void = () => undefined;
  // The first change is given even when nothing is under the prefix.
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
    // Also a key that was never given: whoever wrote it knows it.
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
