import type { ClientRequest } from 'node:http';

/**
 * A server that upgrades a request that did not ask for it has failed. Without a listener, Node would end the call
 * silently.
 */
export function refuseUpgrade(request: ClientRequest): void {
  request.once('upgrade', (_, socket) => {
    socket.destroy();
    request.emit('error', new Error('it answered with an upgrade'));
  });
}
