import { AppError } from '../base/errors.js';
import { checkLimits } from './limits.js';
import type { Change, Entry, Operation, Store } from './store.js';

/** What a group of commits changes on disk: entries to keep, keys to drop. */
export interface WriteBatch {
  put: Entry[];
  drop: string[];
  /** Version of the newest write ever made. */
  revision: number;
}

export interface MemoryStoreOptions {
  entries?: Iterable<Entry>;
  revision?: number;
  /** Makes a batch durable. It becomes visible only when this resolves; when it rejects, nothing was written. */
  persist?: (batch: WriteBatch) => Promise<void>;
  close?: () => Promise<void>;
}

interface Pending {
  operations: Operation[];
  /** Called with the commit's version, or 0. */
  resolve: (version: number) => void;
  reject: (error: unknown) => void;
}

/**
 * A complete {@link Store} in memory. Commits that arrive while an earlier group is being persisted form the next group:
 * however many callers there are, each waits for at most two disk flushes.
 *
 * Invariant: groups are persisted one at a time, and conditions are evaluated against everything that was persisted
 * before plus what the same group has already accepted.
 */
export function createMemoryStore({ entries, revision, persist, close }: MemoryStoreOptions = {}): Store {
  const current = new Map<string, Entry>();
  for (const entry of entries ?? []) current.set(entry.key, entry);
  let newest = revision ?? 0;
  for (const { version } of current.values()) newest = Math.max(newest, version);
  /** Version of `current`; `newest` runs ahead of it while a group is being persisted. */
  let visible = newest;
  let queue: Pending[] = [];
  let busy = false;
  let flushed: Promise<void> = Promise.resolve();
  let closed = false;
  const watchers = new Set<(changedKeys: readonly string[]) => void>();

  async function flush(): Promise<void> {
    busy = true;
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      const staged: Staged = new Map();
      const versions = group.map(({ operations }) => {
        if (!holds(operations, staged, current)) return 0;
        stage(operations, staged, ++newest);
        return newest;
      });
      try {
        if (staged.size > 0) await persist?.(batchOf(staged, newest));
      } catch (cause) {
        for (const pending of group) pending.reject(cause);
        continue;
      }
      visible = newest;
      for (const [key, entry] of staged) {
        if (entry) current.set(key, entry);
        else current.delete(key);
      }
      group.forEach((pending, index) => pending.resolve(versions[index] ?? 0));
      const changed = [...staged.keys()];
      if (changed.length > 0) for (const notify of watchers) notify(changed);
    }
    // In the same turn in which the queue was seen empty: a later commit begins a new flush.
    busy = false;
  }

  function list(prefix: string): Entry[] {
    return [...current.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  function changeOf(keys: string[]): Change {
    return {
      put: keys.flatMap((key) => current.get(key) ?? []),
      drop: keys.filter((key) => !current.has(key)).map((key) => ({ key, version: visible })),
    };
  }

  function assertOpen(): void {
    if (closed) throw new AppError('unavailable', 'the store is closed');
  }

  return {
    async get(key) {
      assertOpen();
      return current.get(key);
    },
    async list(prefix) {
      assertOpen();
      return list(prefix);
    },
    async commit(operations) {
      assertOpen();
      checkLimits(operations);
      return new Promise<number>((resolve, reject) => {
        queue.push({ operations, resolve, reject });
        if (!busy) flushed = flush();
      });
    },
    async *watch(prefix, signal) {
      const covers = (key: string) => key.startsWith(prefix);
      let wake: () => void = () => undefined;
      const changed = new Set<string>();
      const notify = (keys: readonly string[]) => {
        for (const key of keys.filter(covers)) changed.add(key);
        if (changed.size > 0) wake();
      };
      const stop = () => wake();
      watchers.add(notify);
      signal.addEventListener('abort', stop);
      try {
        if (!signal.aborted) yield { put: list(prefix), drop: [] };
        while (!signal.aborted) {
          if (changed.size === 0) await new Promise<void>((resolve) => (wake = resolve));
          const keys = [...changed];
          changed.clear();
          if (keys.length > 0) yield changeOf(keys);
        }
      } finally {
        watchers.delete(notify);
        signal.removeEventListener('abort', stop);
      }
    },
    async close() {
      closed = true;
      await flushed;
      await close?.();
    },
  };
}

type Staged = Map<string, Entry | null>;

/** Whether the conditions of a commit hold, given what the same group has already accepted. */
function holds(
  operations: readonly Operation[],
  staged: Staged,
  current: ReadonlyMap<string, Entry>,
): boolean {
  const versionOf = (key: string) => {
    const entry = staged.get(key);
    return (entry === undefined ? current.get(key) : (entry ?? undefined))?.version ?? 0;
  };
  return operations.every(({ key, ifVersion }) => ifVersion === undefined || versionOf(key) === ifVersion);
}

function stage(operations: readonly Operation[], staged: Staged, version: number): void {
  for (const { key, value } of operations) {
    if (value === null) staged.set(key, null);
    else if (value !== undefined) staged.set(key, { key, value, version });
  }
}

function batchOf(staged: Staged, revision: number): WriteBatch {
  const put = [...staged.values()].filter((entry) => entry !== null);
  const drop = [...staged].filter(([, entry]) => entry === null).map(([key]) => key);
  return { put, drop, revision };
}
