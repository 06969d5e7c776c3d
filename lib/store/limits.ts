import { AppError } from '../base/errors.js';
import type { Operation } from './store.js';

/**
 * The limits of a commit are Consul's, and the same for every store, so that code runs on any. Consul accepts 64 operations in at
 * most 512 KiB; `consul.ts` needs up to two of them for each operation and one more for the feed, and values travel as base64.
 */
export const MAX_OPERATIONS = 30;
export const MAX_BYTES = 320 * 1024;

/** What counts against {@link MAX_BYTES}. */
export function bytesOf(operations: readonly Operation[]): number {
  return operations.reduce(
    (sum, { key, value }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value ?? ''),
    0,
  );
}

/** @throws AppError `invalid` for a commit that is too large, `internal` for one that no caller should make */
export function checkLimits(operations: readonly Operation[]): void {
  if (
    operations.length > MAX_OPERATIONS ||
    new Set(operations.map(({ key }) => key)).size < operations.length
  ) {
    throw new AppError('internal', `a commit takes at most ${MAX_OPERATIONS} operations, each key once`);
  }
  const bytes = bytesOf(operations);
  if (bytes > MAX_BYTES) {
    const [largest] = [...operations].sort((a, b) => (b.value?.length ?? 0) - (a.value?.length ?? 0));
    throw new AppError(
      'invalid',
      `${Math.ceil(bytes / 1024)} KiB are too much for one write to the store, which takes ${MAX_BYTES / 1024} KiB (largest: ${largest?.key})`,
    );
  }
}
