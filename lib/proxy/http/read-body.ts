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

export function bodyTooLarge(what: string, limit: number): Refusal {
  return new Refusal(413, `${what} is larger than limits.hookBody (${limit} bytes)`);
}

/** Whether a request says that it has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
