import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Passes a client's FIN on to Docker. A client that ends its side may still read, or may have left: nobody can tell. Docker
 * responds or gives up, as it would without a proxy.
 */
export function mirrorHalfClose(client: Socket, request: ClientRequest): void {
  const end = (): void => {
    if (request.writableFinished) request.socket?.end();
    else request.once('finish', () => request.socket?.end());
  };
  if (client.readableEnded) end();
  else client.once('end', end);
  request.once('close', () => client.off('end', end));
}
