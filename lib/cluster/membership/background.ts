import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { retryForever, type RetryForever } from '../../concurrency/retry-forever.js';

/** Runs a task in the background until it has succeeded once or `signal` aborts. Never rejects. */
export type Background = (
  what: string,
  task: () => Promise<void>,
  onFailure?: RetryForever['onFailure'],
) => Promise<void>;

export function createBackground(log: Log, signal: AbortSignal): Background {
  return async (what, task, onFailure) => {
    try {
      await retryForever(task, { what, log, signal, onFailure });
    } catch (error) {
      if (!signal.aborted) log.error(`cannot ${what}`, { error: messageOf(error) });
    }
  };
}
