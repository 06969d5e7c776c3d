import type { Duplex } from 'node:stream';
import { createChunkedFraming } from './chunked-framing.js';
import { Refusal } from './refusal.js';

/** Follows a body: `keep` is given what is in it, and where in a chunk it ends is returned, once it does. */
type Framing = (keep: (bytes: Buffer) => void) => (chunk: Buffer) => number | undefined;

export function fixedBody(length: number): Framing {
  let missing = length;
  return (keep) => (chunk) => {
    const part = chunk.subarray(0, missing);
    missing -= part.length;
    keep(part);
    return missing === 0 ? part.length : undefined;
  };
}

export const chunkedBody: Framing = (keep) => {
  const end = createChunkedFraming(keep);
  return (chunk) => {
    const at = end.push(chunk, 0);
    if (end.state() === 'broken') throw new Refusal(400, 'the body is not in valid chunks');
    return end.state() === 'done' ? at : undefined;
  };
};

/**
 * The body that starts in `head` and goes on in the stream; `rest` is what was received beyond it.
 *
 * @throws Refusal 413 that starts with `what`; an error when the client leaves first
 */
export async function takeBody(
  stream: Duplex,
  head: Buffer,
  { framing, limit, what }: { framing: Framing; limit: number; what: string },
): Promise<{ taken: Buffer; rest: Buffer }> {
  const parts: Buffer[] = [];
  let length = 0;
  const follow = framing((bytes) => {
    length += bytes.length;
    if (length > limit) throw new Refusal(413, `${what} is larger than limits.hookBody (${limit} bytes)`);
    parts.push(bytes);
  });
  const whole = (chunk: Buffer, end: number) => ({ taken: Buffer.concat(parts), rest: chunk.subarray(end) });
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
