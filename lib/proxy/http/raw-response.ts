import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { headBytes, type RawHeaders } from './headers.js';
import { errorBody, statusOf } from './refusal.js';

/* Responses on a connection that Node's HTTP server never had, or has let go of. No call can follow on it. */

/** Responds with Docker's error document, unless the client has left. */
export function respondWithError(client: Duplex, error: unknown): void {
  if (client.destroyed) return;
  respond(client, {
    status: statusOf(error),
    headers: ['Content-Type', 'application/json'],
    body: errorBody(error),
  });
}

/**
 * Responds, and closes the connection. What the client still sends is dropped: many clients read nothing until they
 * have sent everything.
 */
export function respond(
  client: Duplex,
  { status, headers, body }: { status: number; headers: RawHeaders; body: string },
): void {
  const framing = ['Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close'];
  const head = headBytes(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, [...headers, ...framing]);
  client.end(Buffer.concat([head, Buffer.from(body)]));
  client.resume();
}

/** Closes the connection once the client has been sent everything that was written to it. */
export function closeGently(client: Duplex): void {
  if (client.writableFinished) client.destroy();
  else client.end(() => client.destroy());
}
