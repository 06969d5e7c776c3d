import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Takes a connection away from Node's HTTP server in the middle of a call, for the old way to hijack, without
 * `Upgrade`: what the client sends next is a stream, not a request, and its FIN ends the stream alone. Node lets go by
 * itself only for upgrades. Call it when the request's body has been read, and answer on the socket, not through `res`.
 */
export function detach({ socket }: IncomingMessage): Socket {
  // A listener for data makes Node's parser give back the handle that it reads from by itself.
  socket.on('data', () => undefined);
  socket.removeAllListeners('data');
  // The server answers a FIN by closing, and a parse error by 400.
  socket.removeAllListeners('end');
  socket.removeAllListeners('error');
  socket.pause();
  return socket;
}
