import type { Change, Entry } from '../store.js';

/** What one watch has given, and has still to give. */
export interface Watched {
  readonly prefix: string;
  /** Whether everything was read once, and nothing missed since. */
  complete: boolean;
  /** Version of a key as last told, 0 for one that is not known. */
  versionOf(key: string): number;
  put(entry: Entry): void;
  drop(key: string): void;
  /** Takes all that is under the prefix; of that, what differs is to be given. */
  reset(entries: readonly Entry[]): void;
  /** Resolves to what is to be given, as soon as there is something; to nothing when aborted. */
  next(signal: AbortSignal): Promise<Change | undefined>;
}

export function createWatched(prefix: string): Watched {
  const versions = new Map<string, number>();
  const changed = new Map<string, Entry | null>();
  let started = false;
  let wake: () => void = () => undefined;
  // The first change is given even when nothing is under the prefix.
  const isReady = () => changed.size > 0 || (watched.complete && !started);

  function note(key: string, entry: Entry | null): void {
    if (entry) versions.set(key, entry.version);
    else versions.delete(key);
    changed.set(key, entry);
  }

  const watched: Watched = {
    prefix,
    complete: false,
    versionOf: (key) => versions.get(key) ?? 0,
    put(entry) {
      if (!entry.key.startsWith(prefix) || versions.get(entry.key) === entry.version) return;
      note(entry.key, entry);
      wake();
    },
    drop(key) {
      if (!versions.has(key)) return;
      note(key, null);
      wake();
    },
    reset(entries) {
      const present = new Set(entries.map(({ key }) => key));
      for (const key of [...versions.keys()]) if (!present.has(key)) watched.drop(key);
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
      const put = [...changed.values()].filter((entry) => entry !== null);
      const drop = [...changed].filter(([, entry]) => entry === null).map(([key]) => key);
      changed.clear();
      return { put, drop };
    },
  };
  return watched;
}
