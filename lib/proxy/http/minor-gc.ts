import type { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What passes between two collections. One takes half a millisecond. */
const BYTES = 4 * 2 ** 20;

// Only programs that are started with a flag have it as a global.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;

let left = BYTES;

/**
 * Each chunk that is read is a buffer outside of V8's heap, and garbage as soon as it is written. V8 lets 32 MiB of them
 * pile up before it looks, more where its helper threads get no processor; no flag sets that. Here they go earlier.
 */
export function passed(bytes: number): void {
  left -= bytes;
  if (left > 0) return;
  left = BYTES;
  collect({ type: 'minor' });
}

/** Counts what a stream gives to those that read it. It must have a reader already: this one would take what comes. */
export function countPassing(stream: Readable): void {
  stream.on('data', (chunk: Buffer) => passed(chunk.length));
}
