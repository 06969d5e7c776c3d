import type { Change, Entry } from '../store/store.js';

/**
 * Entries as last heard from the store, together with what this host has written itself, of which the store tells a moment later:
 * nothing that is heard takes back what was done after it.
 */
export interface HeardEntries {
  get(key: string): Entry | undefined;
  /** The same array as before where nothing has changed. */
  all(): readonly Entry[];
  /** This host has written the entry, or, without one, removed the key. @param version the commit's */
  did(key: string, version: number, entry?: Entry): void;
  /** Called before everything is read. @returns takes what was read, in place of all but what this host has done meanwhile */
  begin(): (entries: readonly Entry[]) => void;
  /** @returns what the store has lost in being set back: it counts on, as of no version, until {@link did} says what became of it */
  take(change: Change): Entry[];
}

/** @param isUsable an entry that is not changes nothing: what was known goes on to count */
export function createHeardEntries(isUsable: (entry: Entry) => boolean): HeardEntries {
  const entries = new Map<string, Entry>();
  let list: readonly Entry[] | undefined;
  /** Versions of this host's own commits that have not been heard of. */
  const own = new Map<string, number>();

  function isOutdated(key: string, version: number): boolean {
    if (version < (own.get(key) ?? 0)) return true;
    own.delete(key);
    return false;
  }

  function put(entry: Entry): void {
    if (!isOutdated(entry.key, entry.version) && isUsable(entry)) set(entry.key, entry);
  }

  function set(key: string, entry: Entry | undefined): void {
    list = undefined;
    if (entry) entries.set(key, entry);
    else entries.delete(key);
  }

  return {
    get: (key) => entries.get(key),
    all: () => (list ??= [...entries.values()]),
    did(key, version, entry) {
      // The store may have told it, and more, before it answered.
      if (version < (entries.get(key)?.version ?? 0)) return;
      own.set(key, version);
      set(key, entry);
    },
    begin() {
      own.clear();
      return (all) => {
        const isThere = new Set(all.map(({ key }) => key));
        for (const key of [...entries.keys()]) if (!isThere.has(key) && !own.has(key)) set(key, undefined);
        all.forEach(put);
      };
    },
    take({ put: changed, drop, wasSetBack = false }) {
      // What the store was set back to has the versions that it had then.
      if (wasSetBack) own.clear();
      changed.forEach(put);
      const gone = drop.flatMap(({ key, version }) =>
        isOutdated(key, version) ? [] : (entries.get(key) ?? []),
      );
      for (const entry of gone) set(entry.key, wasSetBack ? { ...entry, version: 0 } : undefined);
      return wasSetBack ? gone : [];
    },
  };
}
