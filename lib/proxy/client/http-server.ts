import http from 'node:http';
import type { Socket } from 'node:net';
import { MAX_HEADER_BYTES } from '../http/limits.js';
import { allowHalfOpen, trackConnections } from '../http/node-internals.js';
import { createPipelinedClose } from './pipelined-close.js';
import { isTakenOver } from './take-over-socket.js';

/** Handles the calls that Node's HTTP server has parsed. */
export interface CallHandler {
  onRequest: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  onUpgrade: (req: http.IncomingMessage, socket: Socket, head: Buffer) => void;
}

export interface CallServer {
  /** Takes over a connection that another server has accepted. */
  take(client: Socket): void;
  /** From now on connections close as soon as no call is in progress on them. */
  drain(): void;
  close(): void;
}

/** Node's HTTP server, for connections that other servers have accepted. @param handler looked up for each call */
export function createCallServer(handler: () => CallHandler): CallServer {
  const server = http.createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    // Docker's calls take as long as they take: uploads, logs, a container's whole life.
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  // Node would silently drop headers beyond a certain number.
  server.maxHeadersCount = 0;
  allowHalfOpen(server);
  trackConnections(server);
  server.on('request', onRequest);
  // Docker decides whether the client should go on; its 100 is passed on to the client.
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (req, socket: Socket, head) => handler().onUpgrade(req, socket, head));

  const closeWithClient = createPipelinedClose();
  let draining = false;

  function onRequest(req: http.IncomingMessage, res: http.ServerResponse): void {
    // Pipelined behind a call that took over the connection, before anybody could know whether this is input or a call.
    // Docker would take it for input.
    if (isTakenOver(req.socket)) {
      req.socket.destroy();
      return;
    }
    closeWithClient(req, res);
    res.once('close', () => {
      if (draining) setImmediate(() => server.closeIdleConnections());
    });
    handler().onRequest(req, res);
  }

  return {
    take: (client) => void server.emit('connection', client),
    drain() {
      draining = true;
      server.closeIdleConnections();
    },
    close: () => void server.close(),
  };
}
