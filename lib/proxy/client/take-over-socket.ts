import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A mark on connections, which keeps none of them alive. */
const detached = new WeakSet<Socket>();

/**
 * Takes a connection away from Node's HTTP server in the middle of a call, for the old way to hijack, without
 * `Upgrade`: what the client sends next is a stream, not a request, and its FIN ends the stream alone. Node lets go by
 * itself only for upgrades. Call it when the request's body has been read, and answer on the socket, not through `res`.
 */
export function detach({ socket }: IncomingMessage): Socket {
  // A second call on it was sent ahead, when nobody could know whether it is one or input.
  if (detached.has(socket)) socket.destroy();
  detached.add(socket);
  // A listener for data makes Node's parser give back the handle that it reads from by itself.
  socket.on('data', () => undefined);
  socket.removeAllListeners('data');
  // The server answers a FIN by closing, and a parse error by 400.
  socket.removeAllListeners('end');
  socket.removeAllListeners('error');
  socket.pause();
  return socket;
}

/** Whether the connection is a stream now: what Node still took for calls on it are none. */
export function isDetached(socket: Socket): boolean {
  return detached.has(socket);
}
