import pRetry from 'p-retry';
import { AppError } from '../base/errors.js';

/** Including the 2.2 s that the last call to the store may take, a user hears of a failure within five seconds. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 100;

/**
 * Retries work that failed as `unavailable`, for a moment: a store whose leader is changing refuses calls at once, and
 * accepts them a moment later. Work that took too long to fail is not retried.
 *
 * @param work may run more than once
 */
export function retryBriefly<T>(work: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  return pRetry(work, {
    forever: true,
    minTimeout: PAUSE_MS,
    maxTimeout: PAUSE_MS,
    shouldRetry: (error) =>
      error instanceof AppError && error.kind === 'unavailable' && performance.now() + PAUSE_MS < end,
  });
}
