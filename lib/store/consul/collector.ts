import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { Feed, FeedEntry, FeedState } from './feed.js';

/** Longer than a watcher works on one state of the feed; one that takes longer has to read everything again. */
const OLD_MS = 2_000;
/** With more old entries, more is read at each change; with fewer, there are more transactions that collect them. */
const MANY = 16;
/**
 * Hosts start at random within this time, so that one of them collects and the others see that there is nothing left to do.
 */
const SPREAD_MS = 1_000;

/** Keeps the feed small. An entry's age counts from when this process first saw it, because clocks may differ. */
export interface Collector {
  saw(state: FeedState): void;
  stop(): void;
}

export function createCollector(feed: Feed, log: Log): Collector {
  let firstSeen = new Map<string, number>();
  let latest: FeedState | undefined;
  let timer: NodeJS.Timeout | undefined;

  function old(): FeedEntry[] {
    const before = performance.now() - OLD_MS;
    return latest?.entries.filter(({ name }) => (firstSeen.get(name) ?? Infinity) <= before) ?? [];
  }

  async function collect(): Promise<void> {
    timer = undefined;
    const entries = old();
    if (!latest || entries.length < MANY) return;
    try {
      await feed.collect(entries, latest);
    } catch (error) {
      log.debug('cannot collect the feed of changes', { error: messageOf(error) });
    }
  }

  return {
    saw(state) {
      const now = performance.now();
      firstSeen = new Map(state.entries.map(({ name }) => [name, firstSeen.get(name) ?? now]));
      latest = state;
      // They will be old by the time the timer fires.
      if (state.entries.length >= MANY)
        timer ??= setTimeout(() => void collect(), OLD_MS + Math.random() * SPREAD_MS).unref();
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
