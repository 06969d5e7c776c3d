import type { Duplex } from 'node:stream';
import { createChunkedFraming } from './chunked-framing.js';
import { createByteCollector } from './read-all.js';
import { bodyTooLarge } from './read-body.js';
import { Refusal } from './refusal.js';

/** Follows a body: passes its content to `keep`, and returns where in a chunk it ends, once it does. */
type BodyFraming = (keep: (bytes: Buffer) => void) => (chunk: Buffer) => number | undefined;

export function fixedBody(length: number): BodyFraming {
  let missing = length;
  return (keep) => (chunk) => {
    const part = chunk.subarray(0, missing);
    missing -= part.length;
    keep(part);
    return missing === 0 ? part.length : undefined;
  };
}

export const chunkedBody: BodyFraming = (keep) => {
  const end = createChunkedFraming(keep);
  return (chunk) => {
    const at = end.push(chunk, 0);
    if (end.state() === 'broken') throw new Refusal(400, 'the body is not in valid chunks');
    return end.state() === 'done' ? at : undefined;
  };
};

/**
 * The body of a request on a connection that Node's parser has let go of. It starts in `head` and continues in the
 * stream; `rest` is what was received beyond it. The stream is paused afterwards.
 *
 * @param what the name of the body, for the error
 * @throws Refusal 413; an error when the client leaves first
 */
export async function readRawBody(
  stream: Duplex,
  head: Buffer,
  { framing, limit, what }: { framing: BodyFraming; limit: number; what: string },
): Promise<{ taken: Buffer; rest: Buffer }> {
  const collector = createByteCollector(limit);
  const follow = framing((bytes) => {
    if (!collector.add(bytes)) throw bodyTooLarge(what, limit);
  });
  const whole = (chunk: Buffer, end: number) => ({ taken: collector.all(), rest: chunk.subarray(end) });
  const end = follow(head);
  if (end !== undefined) return whole(head, end);

  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      try {
        const at = follow(chunk);
        if (at === undefined) return;
        letGo();
        resolve(whole(chunk, at));
      } catch (error) {
        fail(error as Error);
      }
    };
    const onEnd = (): void => fail(new Error('the client left before its body was complete'));
    const fail = (error: Error): void => {
      letGo();
      reject(error);
    };
    const letGo = (): void => {
      stream.pause();
      stream.off('data', onData);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
    };
    stream.on('data', onData);
    stream.once('end', onEnd);
    stream.once('close', onEnd);
  });
}
