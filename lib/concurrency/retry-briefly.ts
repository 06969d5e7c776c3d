import pRetry from 'p-retry';
import { AppError } from '../base/errors.js';

/** With the 2.2 s that the last call to the store may take, a user hears of a failure within five. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = 100;

/**
 * Tries again for a moment what failed as `unavailable`: a store whose leader changes refuses calls at once, and takes them
 * a moment later. What had waited longer for its failure is not tried again.
 *
 * @param work may be done twice
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
