import type { IncomingMessage } from 'node:http';
import { Refusal } from './refusal.js';

/**
 * The whole body, when it is not larger than `limit` bytes.
 *
 * @throws Refusal 413 that starts with `what`; the stream's error when its sender goes away
 */
export async function readBody(message: IncomingMessage, limit: number, what: string): Promise<Buffer> {
  const tooLarge = () => new Refusal(413, `${what} is larger than limits.hookBody (${limit} bytes)`);
  if (Number(message.headers['content-length']) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        // What else comes is dropped: many clients read no answer before all they have is sent.
        chunks.length = 0;
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    message.once('end', () => resolve(Buffer.concat(chunks, length)));
    message.once('error', reject);
  });
}

/** Whether a request says that it has a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
