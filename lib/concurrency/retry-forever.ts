import pRetry from 'p-retry';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';

export interface RetryOptions {
  /** What cannot be done while it fails, for the log. */
  what: string;
  log: Log;
  signal: AbortSignal;
}

/** Tries again until it succeeds, and logs the first failure. Rejects when aborted. */
export async function retry<T>(work: () => Promise<T>, { what, log, signal }: RetryOptions): Promise<T> {
  signal.throwIfAborted();
  return pRetry(work, {
    forever: true,
    minTimeout: 100,
    maxTimeout: 2_000,
    signal,
    onFailedAttempt(error) {
      if (error.attemptNumber > 1 || signal.aborted) return;
      log.warn(`cannot ${what}, trying again`, { error: messageOf(error) });
    },
  });
}
