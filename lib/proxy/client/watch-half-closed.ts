import type { Socket } from 'node:net';
import { probePeer } from '../http/node-internals.js';

/** A client that leaves while it waits is noticed within this time. */
const INTERVAL_MS = 250;

/**
 * Closes a client's connection when the client has left, not merely ended its side: `nc -N` and `socat` do that when their input
 * ends, and wait for the answer as they would get it from Docker. On a Unix socket the two can be told apart. On TCP a client that has left looks as
 * if it were waiting, and the call goes on, as it does at Docker.
 *
 * @returns a function that ends the watch
 */
export function watchHalfClosed(socket: Socket): () => void {
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    probePeer(socket);
    timer = setInterval(() => probePeer(socket), INTERVAL_MS).unref();
  };
  const end = (): void => {
    clearInterval(timer);
    socket.off('end', begin);
    socket.off('close', end);
  };
  // An earlier call on the connection may have been answered after the end.
  if (socket.readableEnded) begin();
  else socket.once('end', begin);
  socket.once('close', end);
  return end;
}
