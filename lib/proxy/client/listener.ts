import http from 'node:http';
import net, { type Socket } from 'node:net';
import tls, { type SecureContextOptions } from 'node:tls';
import { AppError, messageOf } from '../../base/errors.js';
import { createAbandonment } from './pipelined-close.js';
import { isDetached } from './take-over-socket.js';
import type { Address } from '../config/address.js';
import { createFront, type FrontConnection, type FrontParts } from '../fast/front.js';
import { MAX_HEADER_BYTES } from '../http/limits.js';
import { listenOn } from './listen.js';
import { readTls, type TlsFiles } from '../config/tls-files.js';
import type { Upstream } from '../upstream/upstream.js';

export interface Handler {
  onRequest: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  onUpgrade: (req: http.IncomingMessage, socket: Socket, head: Buffer) => void;
  /** Whether a call without a body may go to Docker as it is. */
  passes: FrontParts['passes'];
}

export interface Listener {
  /**
   * From now on calls are taken at these addresses alone, with the certificates that are in the files now. Connections that
   * came in at others stay.
   *
   * @throws AppError when one of them cannot be used; then nothing has changed
   */
  listen(addresses: Address[], files?: TlsFiles): Promise<void>;
  /** How many clients are connected. */
  connections(): number;
  /** No new calls; those under way may finish until `grace` milliseconds are over. */
  close(grace: number): Promise<void>;
}

/** Takes calls on any number of addresses: at the fast front, or by Node's HTTP server where that hands over. */
export function createListener({
  handler,
  upstream,
}: {
  /** Asked for each call, as a reload may come between two calls on one connection. */
  handler: () => Handler;
  upstream: () => Upstream;
}): Listener {
  let servers = new Map<string, net.Server>();
  /** Of those that a reload left; they end with their last connection. */
  const closing: Promise<void>[] = [];
  /** Also those that are still at their TLS handshake. */
  const sockets = new Set<Socket>();
  const fronts = new Map<Socket, FrontConnection>();
  let stopping = false;

  const parser = http.createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    // Docker's calls last as long as they last: uploads, logs, a container's whole life.
    requestTimeout: 0,
    keepAliveTimeout: 0,
  });
  // A client that ends its side may still read.
  Object.assign(parser, { httpAllowHalfOpen: true });
  // More headers than this would be dropped without a word.
  parser.maxHeadersCount = 0;
  parser.on('request', take);
  // Docker decides whether it goes on; its 100 is passed to the client.
  parser.on('checkContinue', take);
  parser.on('checkExpectation', take);
  parser.on('upgrade', (req, socket: Socket, head) => handler().onUpgrade(req, socket, head));

  // It never listens itself, and would not keep track of connections: which are idle, which never send their headers.
  parser.emit('listening');

  const abandon = createAbandonment();

  function take(req: http.IncomingMessage, res: http.ServerResponse): void {
    // Sent ahead of Docker's answer, when nobody can know yet whether it is input or a call: Docker would take it for input.
    if (isDetached(req.socket)) {
      req.socket.destroy();
      return;
    }
    abandon(req, res);
    res.once('close', () => {
      if (stopping) setImmediate(() => parser.closeIdleConnections());
    });
    handler().onRequest(req, res);
  }

  const front = createFront({
    upstream,
    passes: (method, target) => handler().passes(method, target),
    handOver(client) {
      fronts.delete(client);
      parser.emit('connection', client);
    },
  });

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  function accept(socket: Socket): void {
    socket.once('close', () => fronts.delete(socket));
    fronts.set(socket, front(socket));
  }

  async function listen(addresses: Address[], files: TlsFiles = {}): Promise<void> {
    const material = readTls(files);
    const added: net.Server[] = [];
    const next = new Map<string, net.Server>();
    try {
      for (const address of addresses) {
        const known = servers.get(address.text);
        const server = known ?? (await open(address, material));
        if (!known) added.push(server);
        next.set(address.text, server);
      }
      for (const server of next.values()) if (server instanceof tls.Server) renew(server, material);
    } catch (error) {
      for (const server of added) server.close();
      throw error;
    }
    for (const [text, server] of servers) if (!next.has(text)) closing.push(closed(server));
    servers = next;
  }

  async function open(address: Address, material: SecureContextOptions): Promise<net.Server> {
    const options = { allowHalfOpen: true, noDelay: true };
    const server =
      address.kind === 'tls'
        ? secure({ ...options, ...material }, accept)
        : net.createServer(options, accept);
    server.on('connection', track);
    await listenOn(server, address);
    return server;
  }

  async function close(grace: number): Promise<void> {
    stopping = true;
    closing.push(...[...servers.values()].map(closed));
    for (const connection of [...fronts.values()]) connection.finish();
    parser.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, grace);
    await Promise.all(closing);
    clearTimeout(timer);
    parser.close();
  }

  return { listen, connections: () => sockets.size, close };
}

/** Takes nothing new; resolves when the last connection is gone. */
function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function secure(options: tls.TlsOptions, accept: (socket: Socket) => void): tls.Server {
  try {
    return tls.createServer({ ...options, ...asking(options) }, accept);
  } catch (cause) {
    throw unusable(cause);
  }
}

/** With a CA, clients have to show a certificate that it signed. */
function asking({ ca }: SecureContextOptions): Pick<tls.TlsOptions, 'requestCert' | 'rejectUnauthorized'> {
  const asks = ca !== undefined;
  return { requestCert: asks, rejectUnauthorized: asks };
}

function renew(server: tls.Server, material: SecureContextOptions): void {
  try {
    server.setSecureContext(material);
    // That leaves as it was whether clients are asked, of which Node reads these at each handshake.
    Object.assign(server, asking(material));
  } catch (cause) {
    throw unusable(cause);
  }
}

function unusable(cause: unknown): AppError {
  return new AppError('unavailable', `certificate and key cannot be used: ${messageOf(cause)}`, { cause });
}
