import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../base/errors.js';
import type { Trace } from '../proxy/observe/trace/trace.js';

/** How many calls are kept. */
const KEPT = 30;
const AGAIN_MS = 1_000;

export interface RecentCalls {
  /** The newest first. */
  list(): Trace[];
  problem(): string | undefined;
}

/**
 * Keeps the last calls with hooks, until `signal` aborts. A proxy that is away is looked for again.
 *
 * @param watch one connection to the proxy: ends, or throws, when that does
 */
export function watchCalls(watch: () => AsyncIterable<Trace>, signal: AbortSignal): RecentCalls {
  const calls: Trace[] = [];
  let problem: string | undefined;

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      // Nothing is heard of a connection that stands until a call comes.
      const stands = setTimeout(() => (problem = undefined), AGAIN_MS);
      try {
        for await (const call of watch()) {
          problem = undefined;
          calls.unshift(call);
          calls.length = Math.min(calls.length, KEPT);
        }
      } catch (error) {
        problem = messageOf(error);
      } finally {
        clearTimeout(stands);
      }
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  void follow();
  return { list: () => [...calls], problem: () => problem };
}
