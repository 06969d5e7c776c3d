import { pause } from '../concurrency/pause.js';
import { messageOf } from '../base/errors.js';
import type { Trace } from '../proxy/observe/trace/trace.js';

/** How many calls are kept. */
const KEPT = 30;
const AGAIN_MS = 1_000;

export interface RecentCalls {
  /** Newest first. */
  list(): Trace[];
  problem(): string | undefined;
}

/**
 * Keeps the most recent calls with hooks, until `signal` aborts. While the proxy does not answer, connecting is retried.
 *
 * @param watch opens one connection to the proxy; it ends, or throws, when the connection does
 */
export function watchCalls(watch: () => AsyncIterable<Trace>, signal: AbortSignal): RecentCalls {
  const calls: Trace[] = [];
  let problem: string | undefined;

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      // An open connection stays silent until a call arrives, so time alone shows that it works.
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
      await pause(AGAIN_MS, signal);
    }
  }

  void follow();
  return { list: () => [...calls], problem: () => problem };
}
