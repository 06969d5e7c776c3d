import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeQueuedResponse } from '../http/node-internals.js';

/**
 * When a client leaves, Node closes the response in progress, but not those to calls that the client had pipelined
 * behind it: code that works on one of these would never learn that nobody is waiting for it. This closes them too.
 *
 * @returns a function to call for each call
 */
export function createPipelinedClose(): (req: IncomingMessage, res: ServerResponse) => void {
  const open = new WeakMap<Socket, Set<ServerResponse>>();

  function responsesOf(socket: Socket): Set<ServerResponse> {
    const responses = new Set<ServerResponse>();
    open.set(socket, responses);
    socket.once('close', () => responses.forEach(closeQueuedResponse));
    return responses;
  }

  return ({ socket }, res) => {
    const responses = open.get(socket) ?? responsesOf(socket);
    responses.add(res);
    res.once('close', () => {
      responses.delete(res);
      // The client has ended its side, so no call can follow; Node would keep the connection open.
      if (responses.size === 0 && socket.readableEnded) socket.end();
    });
  };
}
