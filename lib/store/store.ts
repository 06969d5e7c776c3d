/** A value with its version, which a later conditional write names. */
export interface Entry {
  key: string;
  value: string;
  /** Grows with every write of the key; never 0. */
  version: number;
}

/**
 * One part of a commit. `value: null` deletes, no `value` only checks. `ifVersion` makes the whole commit
 * conditional: the key must have exactly this version, 0 meaning that it must not exist.
 */
export interface Operation {
  key: string;
  value?: string | null;
  ifVersion?: number;
}

/** What happened to some keys: entries that are new or have a new value, keys that are gone. */
export interface Change {
  put: Entry[];
  /** `version` is that of a commit after which the key no longer existed. */
  drop: { key: string; version: number }[];
  /** The store was restored from a back-up: what it holds now may be older than what was read before. */
  wasSetBack?: boolean;
}

/**
 * The state that survives, and the one place that decides what belongs to whom. Implementations: `embedded.ts` (one
 * host, durable) on top of `memory.ts` (which unit tests use alone), and `consul.ts` (a cluster). Errors:
 * `AppError('unavailable')` when the store cannot be read or written.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** All entries whose key starts with `prefix`, in key order. */
  list(prefix: string): Promise<Entry[]>;
  /**
   * Applies all operations or none, durably by the time the promise resolves: to the new version of every key that it wrote,
   * or to 0 when a condition did not hold and nothing was written. At most as much as `limits.ts` says, each key once.
   */
  commit(operations: Operation[]): Promise<number>;
  /**
   * Everything under `prefix` at once, even when that is nothing, then whatever changes. Changes in quick succession may be
   * combined into one; a key's older value never follows a newer one. While the store is out of reach the watch waits, and
   * then yields what changed meanwhile. Ends when `signal` aborts.
   */
  watch(prefix: string, signal: AbortSignal): AsyncIterable<Change>;
  /** Why nothing can be written, although it can be read: one line for people; undefined when all is well. */
  problem?(): string | undefined;
  close(): Promise<void>;
}
