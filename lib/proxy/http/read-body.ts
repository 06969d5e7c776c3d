import type { IncomingMessage } from 'node:http';
import { readAll } from './read-all.js';
import { Refusal } from './refusal.js';

/**
 * The whole body of a message, if it is not larger than `limit` bytes.
 *
 * @param what the name of the body, for the error
 * @throws Refusal 413; the stream's error when the sender leaves
 */
export async function readBody(message: IncomingMessage, limit: number, what: string): Promise<Buffer> {
  const tooLarge = () => bodyTooLarge(what, limit);
  if (Number(message.headers['content-length']) > limit) throw tooLarge();
  return readAll(message, limit, tooLarge);
}

/**
 * The whole body of a message; undefined when it is larger than `limit` bytes. Then the message is paused, and can be
 * read from the start as if nobody had.
 *
 * @throws the stream's error when the sender leaves
 */
export function readOrPutBack(message: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(message.headers['content-length']) > limit) return Promise.resolve(undefined);
  const parts: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      parts.push(chunk);
      length += chunk.length;
      if (length <= limit) return;
      letGo();
      message.pause();
      message.unshift(Buffer.concat(parts));
      resolve(undefined);
    };
    const onEnd = (): void => {
      letGo();
      resolve(Buffer.concat(parts));
    };
    const onError = (error: Error): void => {
      letGo();
      reject(error);
    };
    const onClose = (): void => onError(new Error('the sender left before the body was complete'));
    const letGo = (): void => {
      message.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
    };
    message.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** @param what the name of the body */
export function bodyTooLarge(what: string, limit: number): Refusal {
  return new Refusal(413, `${what} is larger than limits.hookBody (${limit} bytes)`);
}

/** Whether a request says that it has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
