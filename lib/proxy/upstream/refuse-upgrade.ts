import type { ClientRequest } from 'node:http';

/** A server that upgrades what did not ask for it has failed. Without a listener Node would let go of the call without a word. */
export function refuseUpgrade(request: ClientRequest): void {
  request.once('upgrade', (_, socket) => {
    socket.destroy();
    request.emit('error', new Error('it answered with an upgrade'));
  });
}
