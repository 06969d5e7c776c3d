import type { Duplex } from 'node:stream';

/** The first `length` bytes of `head` and what follows it on the stream; `rest` is what was received beyond them. */
export async function takeBytes(
  stream: Duplex,
  head: Buffer,
  length: number,
): Promise<{ taken: Buffer; rest: Buffer }> {
  let bytes = head;
  if (bytes.length < length) {
    await new Promise<void>((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length >= length) done();
      };
      const onEnd = (): void => done(new Error('the client left before its body was complete'));
      const done = (error?: Error): void => {
        stream.pause();
        stream.off('data', onData);
        stream.off('end', onEnd);
        stream.off('close', onEnd);
        if (error) reject(error);
        else resolve();
      };
      stream.on('data', onData);
      stream.once('end', onEnd);
      stream.once('close', onEnd);
    });
  }
  return { taken: bytes.subarray(0, length), rest: bytes.subarray(length) };
}
