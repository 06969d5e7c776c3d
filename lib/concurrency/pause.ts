import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits. Ends early, and without an error, when `signal` aborts: a loop checks the signal next anyway.
 *
 * @param ms milliseconds
 */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
