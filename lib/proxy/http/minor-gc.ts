import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How many bytes pass between two collections. A collection takes half a millisecond. */
const INTERVAL_BYTES = 4 * 2 ** 20;

/** The process has one heap, so this state belongs to the process too. */
let collect: (() => void) | undefined;
let left = INTERVAL_BYTES;

/**
 * From now on a minor garbage collection runs after every 4 MiB that pass. Each chunk that is read is a buffer outside
 * V8's heap, and garbage as soon as it is written. V8 lets 32 MiB of them pile up before it collects, and more when its
 * helper threads get no CPU time; no flag changes that.
 *
 * Sets a V8 flag for the whole process, so only the program that owns the process may call it.
 */
export function enableMinorGc(): void {
  // Contexts that are created after the flag is set have `gc` as a global; this program's own is older.
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

/** Counts what a stream gives to its readers. It must have a reader already, as counting makes the stream flow. */
export function countPassing(stream: Readable): void {
  stream.on('data', (chunk: Buffer) => passed(chunk.length));
}
