import type { ClientRequest, IncomingMessage } from 'node:http';
import { countPassing } from '../http/minor-gc.js';
import { mirrorHalfClose } from './mirror-half-close.js';

/**
 * What every request to Docker needs that a client's body is piped to. It must be piped already: one that flows before takes the
 * headers with it.
 */
export function followClient(request: ClientRequest, client: IncomingMessage): void {
  mirrorHalfClose(client.socket, request);
  countPassing(client);
}
