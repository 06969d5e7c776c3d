import pRetry from 'p-retry';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';

/** Milliseconds before the second try; each further one waits twice as long, up to the longest. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface RetryForever {
  /** What cannot be done while it fails, for the log: `cannot <what>, trying again`. */
  what: string;
  log: Log;
  /** The one end besides success. */
  signal: AbortSignal;
  /** The failure with which logging begins; 1 when it is not set. For what is expected to fail a few times. */
  logFrom?: number;
  /** Told of each failure. When it throws, that is the end. */
  onFailure?: (error: Error) => void | Promise<void>;
}

/**
 * Tries again until it succeeds. The first failure is logged, and one whose reason is another than that of the failure before;
 * a server that is away for an hour costs one line. Rejects when aborted.
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
