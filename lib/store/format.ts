import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import type { Operation, Store } from './store.js';

/** What all records of a store are written in. A store without a mark is from 0.1.0 or earlier, which is format 1. */
export const NEWEST_FORMAT = 1;
export const FORMAT_KEY = 'format';

const mark = z.object({ format: z.number().int().positive() });

export interface StoreFormat {
  format: number;
  /** Version of the mark; 0 where there is none. */
  version: number;
}

export async function readFormat(store: Pick<Store, 'get'>): Promise<StoreFormat> {
  const entry = await store.get(FORMAT_KEY);
  if (!entry) return { format: 1, version: 0 };
  try {
    return { format: mark.parse(JSON.parse(entry.value)).format, version: entry.version };
  } catch (cause) {
    throw new AppError(
      'conflict',
      `the store's mark \`${FORMAT_KEY}\` cannot be understood: SocketPlane ${VERSION} writes {"format":${NEWEST_FORMAT}}`,
      { cause },
    );
  }
}

export const writeFormat = (format: number, ifVersion: number): Operation => ({
  key: FORMAT_KEY,
  value: JSON.stringify({ format }),
  ifVersion,
});

/**
 * Marks a store that has no mark yet.
 *
 * @throws AppError `conflict` for a store that a newer version has written: nothing may be read from it or written to it
 */
export async function assertReadable(
  store: Pick<Store, 'get' | 'commit'>,
  newest = NEWEST_FORMAT,
): Promise<void> {
  const { format, version } = await readFormat(store);
  if (format > newest) {
    throw new AppError(
      'conflict',
      `the store has format ${format}, and SocketPlane ${VERSION} reads up to ${newest}: install the version of the other hosts here`,
    );
  }
  if (version === 0) await store.commit([writeFormat(format, 0)]);
}
