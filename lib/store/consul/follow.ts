import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { createCollector } from './collector.js';
import type { Data } from './data.js';
import type { Feed, FeedState } from './feed.js';
import type { Watched } from './watched.js';

/** While changes come in a row, each answer carries those of this time. The first one is not held up. */
const PACE_MS = 100;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 2_000;

export interface FollowOptions {
  feed: Feed;
  data: Data;
  log: Log;
}

/** Tells watches what changes, until it is stopped. */
export interface Follower {
  readonly watches: Set<Watched>;
  add(watched: Watched): void;
  stop(): void;
}

export function createFollower(options: FollowOptions): Follower {
  const watches = new Set<Watched>();
  const stopping = new AbortController();
  let wake: () => void = () => undefined;
  const joined = () => new Promise<void>((resolve) => (wake = resolve));
  void follow({ ...options, watches, joined, signal: stopping.signal });
  return {
    watches,
    add(watched) {
      watches.add(watched);
      wake();
    },
    stop: () => stopping.abort(),
  };
}

interface Followed {
  watches: ReadonlySet<Watched>;
  /** Resolves when a watch is added. */
  joined: () => Promise<void>;
  signal: AbortSignal;
}

/**
 * One query waits at Consul for all watches.
 *
 * Invariants: one thing is done after the other, and data are read after the state of the feed that asked for it, so no
 * read is older than one before. A watch is `complete` only when nothing up to `state` is missing in it.
 */
async function follow({ feed, data, log, watches, joined, signal }: FollowOptions & Followed): Promise<void> {
  const collector = createCollector(feed, log);
  signal.addEventListener('abort', () => collector.stop());
  let state: FeedState = { index: 0, entries: [], floor: 0, floorVersion: 0 };
  let seen = 0;
  let waiting: Promise<FeedState> | undefined;
  let failures = 0;

  async function complete(): Promise<void> {
    for (const watched of watches) {
      if (!watched.complete) {
        const { entries, version } = await data.snapshot(watched.prefix);
        watched.reset(entries, version);
      }
    }
  }

  async function advance(next: FeedState): Promise<void> {
    // A Consul that lost its data, or was set back, counts from below again.
    const isBehind = next.index < state.index;
    if (isBehind || next.floor > seen) {
      for (const watched of watches) {
        watched.complete = false;
        watched.wasSetBack ||= isBehind;
      }
      seen = 0;
    } else {
      await tell(next);
    }
    seen = Math.max(seen, next.floor, ...next.entries.map(({ version }) => version));
    state = next;
    collector.saw(next);
  }

  async function tell({ entries }: FeedState): Promise<void> {
    const changes = new Map<string, { version: number; gone: boolean }>();
    for (const { version, put, drop } of entries) {
      if (version <= seen) continue;
      for (const key of put) changes.set(key, { version, gone: false });
      for (const key of drop) changes.set(key, { version, gone: true });
    }
    const toRead = new Set<string>();
    for (const [key, { version, gone }] of changes) {
      for (const watched of watches) {
        if (!watched.complete || !key.startsWith(watched.prefix) || watched.versionOf(key) >= version)
          continue;
        if (gone) watched.drop(key, version);
        else toRead.add(key);
      }
    }
    // A key that is gone meanwhile is named again, in an entry that this state has not.
    for (const entry of await data.read([...toRead])) {
      for (const watched of watches) if (watched.complete) watched.put(entry);
    }
  }

  while (!signal.aborted) {
    try {
      if (state.index === 0) await advance(await feed.next(0, signal));
      // Asked for first: a watch that is added meanwhile may have been passed over.
      const added = joined();
      await complete();
      waiting ??= feed.next(state.index, signal).finally(() => (waiting = undefined));
      const next = await Promise.race([waiting, added]);
      if (next) {
        await advance(next);
        await complete();
        await sleep(PACE_MS, undefined, { signal });
      }
      if (failures > 0) log.info('the store answers again: watches are up to date');
      failures = 0;
    } catch (error) {
      if (signal.aborted) break;
      if (failures === 0) log.warn('cannot watch the store, trying again', { error: messageOf(error) });
      const delay = Math.min(MIN_RETRY_MS * 2 ** failures++, MAX_RETRY_MS);
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }
}
