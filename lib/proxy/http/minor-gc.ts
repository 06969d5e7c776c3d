import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How much passes between two collections. One takes half a millisecond. */
const INTERVAL_BYTES = 4 * 2 ** 20;

/** There is one heap for the process, so this is the process's state too. */
let collect: (() => void) | undefined;
let left = INTERVAL_BYTES;

/**
 * From now on a minor garbage collection runs after every 4 MiB that pass. Each chunk that is read is a buffer outside V8's
 * heap, and garbage as soon as it is written. V8 lets 32 MiB of them pile up before it collects, and more when its helper
 * threads get no processor; no flag changes that.
 *
 * Sets a V8 flag for the whole process, so only the program that owns the process may call it.
 */
export function enableMinorGc(): void {
  // Contexts that are created after the flag is set have `gc` as a global; the one of this program was created before.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  collect = () => gc({ type: 'minor' });
}

/** Counts bytes that have passed through a buffer. */
export function passed(bytes: number): void {
  if (!collect) return;
  left -= bytes;
  if (left > 0) return;
  left = INTERVAL_BYTES;
  collect();
}

/** Counts what a stream gives to its readers. It must have one already, as this one makes the stream flow. */
export function countPassing(stream: Readable): void {
  stream.on('data', (chunk: Buffer) => passed(chunk.length));
}
