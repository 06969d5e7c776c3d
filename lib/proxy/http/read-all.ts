import type { Readable } from 'node:stream';

/** Collects bytes up to a limit. */
export interface ByteCollector {
  /** Returns whether the limit still holds. Once it does not, nothing is kept. */
  add(bytes: Buffer): boolean;
  all(): Buffer;
}

export function createByteCollector(limit: number): ByteCollector {
  let parts: Buffer[] = [];
  let length = 0;
  return {
    add(bytes) {
      length += bytes.length;
      if (length > limit) parts = [];
      else parts.push(bytes);
      return length <= limit;
    },
    all: () => Buffer.concat(parts),
  };
}

/**
 * Everything that a stream gives, if that is not more than `limit` bytes. Anything beyond them is read and dropped, as
 * many senders read no response until they have sent everything.
 *
 * @throws the error that `tooLarge` makes; the stream's error; an error when the stream closes before its end
 */
export function readAll(stream: Readable, limit: number, tooLarge: () => Error): Promise<Buffer> {
  const collector = createByteCollector(limit);
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      if (!collector.add(chunk)) reject(tooLarge());
    });
    stream.once('end', () => resolve(collector.all()));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the sender left before the body was complete')));
  });
}
