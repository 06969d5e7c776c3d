import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * When a client leaves, Node tells that the response under way is closed, and says nothing of those to calls that the client had
 * sent ahead: whoever works on one would never hear that nobody waits for it. So this closes them.
 *
 * @returns to be called for each call
 */
export function createAbandonment(): (req: IncomingMessage, res: ServerResponse) => void {
  const open = new WeakMap<Socket, Set<ServerResponse>>();

  function responsesOf(socket: Socket): Set<ServerResponse> {
    const responses = new Set<ServerResponse>();
    open.set(socket, responses);
    socket.once('close', () => {
      // Only the response whose turn it is has the socket.
      for (const res of responses) if (!res.socket) res.emit('close');
    });
    return responses;
  }

  return ({ socket }, res) => {
    const responses = open.get(socket) ?? responsesOf(socket);
    responses.add(res);
    res.once('close', () => {
      responses.delete(res);
      // Node would keep the connection, on which no call can follow.
      if (responses.size === 0 && socket.readableEnded) socket.end();
    });
  };
}
