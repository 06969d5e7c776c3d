import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import { retryForever } from '../../concurrency/retry-forever.js';
import { createCollector } from './collector.js';
import type { Data } from './data.js';
import { wasSetBack, type Feed, type FeedState } from './feed.js';
import { unlessAborted } from './session.js';
import type { Watched } from './watched.js';

/** When changes follow each other closely, one answer carries all within this time. The first change is not delayed. */
const PACE_MS = 100;

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
 * Invariants: steps run one after the other, and data are read after the state of the feed that made this necessary, so
 * no read is older than the one before. A watch is `complete` only when it lacks nothing up to `state`.
 */
async function follow({ feed, data, log, watches, joined, signal }: FollowOptions & Followed): Promise<void> {
  const collector = createCollector(feed, log);
  signal.addEventListener('abort', () => collector.stop());
  let state: FeedState = { index: 0, entries: [], floor: 0, floorVersion: 0 };
  let seen = 0;
  let waiting: Promise<FeedState> | undefined;

  async function complete(): Promise<void> {
    for (const watched of watches) {
      if (!watched.complete) {
        const { entries, version } = await data.snapshot(watched.prefix);
        watched.reset(entries, version);
      }
    }
  }

  async function advance(next: FeedState): Promise<void> {
    const isBehind = state.index > 0 && wasSetBack(state, next);
    if (isBehind) log.warn('the store was set back: everything is read again, and what is in use put back');
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
    // A key removed meanwhile will be named again, in an entry that is not yet in this state.
    for (const entry of await data.read([...toRead])) {
      for (const watched of watches) if (watched.complete) watched.put(entry);
    }
  }

  /** Returns whether something has changed; false when a watch was added. May be repeated after a failure. */
  async function round(): Promise<boolean> {
    if (state.index === 0) await advance(await feed.next(0, signal));
    // This comes first, because a watch added during `complete` may be missed there.
    const added = joined();
    await complete();
    waiting ??= feed.next(state.index, signal).finally(() => (waiting = undefined));
    const next = await Promise.race([waiting, added]);
    if (!next) return false;
    await advance(next);
    await complete();
    return true;
  }

  while (!signal.aborted) {
    let hasFailed = false;
    const onFailure = () => void (hasFailed = true);
    const hasChanged = await retryForever(round, { what: 'watch the store', log, signal, onFailure }).catch(
      unlessAborted(signal),
    );
    if (signal.aborted) return;
    if (hasFailed) log.info('the store answers again: watches are up to date');
    if (hasChanged) await pause(PACE_MS, signal);
  }
}
