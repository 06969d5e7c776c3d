import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { releaseSocket } from '../http/node-internals.js';

/** Connections that have been taken over. */
const takenOver = new WeakSet<Socket>();

/**
 * Takes a connection away from Node's HTTP server in the middle of a call, for the old kind of hijack, without `Upgrade`: what
 * the client sends next is a stream, not a request, and its FIN ends that direction only. Call it when the request's body has
 * been read, and respond on the socket, not through `res`. The socket is paused.
 */
export function takeOverSocket({ socket }: IncomingMessage): Socket {
  // A second such call was pipelined behind the first, before anybody could know whether it was a call or input.
  if (takenOver.has(socket)) socket.destroy();
  takenOver.add(socket);
  releaseSocket(socket);
  return socket;
}

/** Whether the connection carries a stream now, so that anything on it that Node still takes for a call is not one. */
export function isTakenOver(socket: Socket): boolean {
  return takenOver.has(socket);
}
