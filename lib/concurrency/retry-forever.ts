import pRetry from 'p-retry';
import { messageOf } from '../base/errors.js';
import type { WarnLog } from '../base/log.js';

/** Milliseconds before the second attempt; each further pause is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface RetryForever {
  /** What cannot be done while it fails, for the log: `cannot <what>, trying again`. */
  what: string;
  log: WarnLog;
  /** Ends the retries. */
  signal: AbortSignal;
  /** Number of the first failure that is logged, 1 by default. For work that is expected to fail a few times. */
  logFrom?: number;
  /** Told of each failure. Throwing ends the retries. */
  onFailure?: (error: Error) => void | Promise<void>;
}

/**
 * Retries until the work succeeds. The first failure is logged, and any whose reason differs from that of the one before; a
 * server that is down for an hour costs one line. Rejects when aborted.
 */
export async function retryForever<T>(
  work: () => Promise<T>,
  { what, log, signal, logFrom = 1, onFailure }: RetryForever,
): Promise<T> {
  signal.throwIfAborted();
  let reason: string | undefined;
  return pRetry(work, {
    forever: true,
    factor: 2,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    signal,
    async onFailedAttempt(error) {
      if (signal.aborted) return;
      await onFailure?.(error);
      if (error.attemptNumber < logFrom) return;
      const before = reason;
      reason = messageOf(error);
      if (reason !== before) log.warn(`cannot ${what}, trying again`, { error: reason });
    },
  });
}
