import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Asks a client for its body, if it waits for that (`Expect: 100-continue`). Only for connections taken over from
 * Node's server.
 */
export function askForBody({ headers }: IncomingMessage, client: Duplex): void {
  if (headers.expect !== undefined) client.write('HTTP/1.1 100 Continue\r\n\r\n');
}

/** Whether a client was never told to go on. It may send its body after all, so no call can follow on its connection. */
export function waitsToGoOn(req: IncomingMessage): boolean {
  return req.headers.expect !== undefined && !req.complete;
}
