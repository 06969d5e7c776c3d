import http from 'node:http';
import type { Socket } from 'node:net';
import { AppError, messageOf } from '../errors.js';
import { listenUnix } from '../unix-socket.js';
import type { Address } from './address.js';
import { MAX_HEADER_BYTES } from './limits.js';

export interface Handler {
  onRequest: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  onUpgrade: (req: http.IncomingMessage, socket: Socket, head: Buffer) => void;
}

export interface Listener {
  listen(address: Address): Promise<void>;
  /** No new calls; those under way may finish until `grace` milliseconds are over. */
  close(grace: number): Promise<void>;
}

/** Takes calls on any number of addresses. */
export function createListener({ onRequest, onUpgrade }: Handler): Listener {
  const servers: http.Server[] = [];
  /** Also those that Node's HTTP server has let go of. */
  const sockets = new Set<Socket>();

  async function listen(address: Address): Promise<void> {
    const server = http.createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      // Docker's calls last as long as they last: uploads, logs, a container's whole life.
      requestTimeout: 0,
      keepAliveTimeout: 0,
      noDelay: true,
    });
    // More headers than this would be dropped without a word.
    server.maxHeadersCount = 0;
    server.on('request', onRequest);
    // Docker decides whether it goes on; its 100 is passed to the client.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('upgrade', (req, socket: Socket, head) => onUpgrade(req, socket, head));
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    if (address.kind === 'unix') await listenUnix(server, address.path);
    else await listenTcp(server, address);
    servers.push(server);
  }

  async function close(grace: number): Promise<void> {
    const closed = Promise.all(
      servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
    for (const server of servers) server.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, grace);
    await closed;
    clearTimeout(timer);
  }

  return { listen, close };
}

function listenTcp(server: http.Server, { text, host, port }: Address & { kind: 'tcp' }): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void =>
      reject(new AppError('unavailable', `cannot listen on ${text}: ${messageOf(cause)}`, { cause }));
    server.once('error', refuse);
    server.listen(port, host, () => {
      server.off('error', refuse);
      resolve();
    });
  });
}
