import type { ClientRequest, IncomingMessage } from 'node:http';
import { countPassing } from '../http/minor-gc.js';
import { mirrorHalfClose } from './mirror-half-close.js';

/**
 * What every request to Docker needs if a client's body is piped to it. The body must already be piped: if it started
 * to flow earlier, the headers would be sent too early.
 */
export function followClient(request: ClientRequest, client: IncomingMessage): void {
  mirrorHalfClose(client.socket, request);
  countPassing(client);
}
