import type { OnReadOpts } from 'node:net';
import { passed } from '../http/minor-gc.js';

/** Whether bytes that were read are still needed where they are. */
export type Reading = 'done' | 'in use';

/** As much as Node reads at a time. */
const SIZE = 65_536;

/**
 * Reads a connection into the same memory again and again instead of through a stream, which makes a buffer for each
 * read; that costs more than the read itself.
 */
export function readInto(onBytes: (bytes: Buffer) => Reading): OnReadOpts {
  let buffer = fresh();
  return {
    buffer: () => buffer,
    callback(length) {
      if (onBytes(buffer.subarray(0, length)) === 'in use') buffer = fresh();
      return true;
    },
  };
}

function fresh(): Buffer {
  passed(SIZE);
  return Buffer.allocUnsafeSlow(SIZE);
}
