import net, { type Socket } from 'node:net';
import tls, { type SecureContextOptions } from 'node:tls';
import type { Address } from '../config/address.js';
import { readTls, type TlsFiles } from '../config/tls-files.js';
import { createCallServer, type CallHandler } from './http-server.js';
import { KEEP_ALIVE } from '../http/limits.js';
import { listenOn } from './listen.js';
import { createTlsServer, renewCertificates } from './tls-server.js';

/** A client's connection on the fast path. */
export interface FastConnection {
  /** Closes as soon as no call is in progress. */
  finish(): void;
}

/** Serves a client's connection until it closes or is handed over to Node's HTTP server. */
export type FastPath = (client: Socket) => FastConnection;

export interface ClientListener {
  /**
   * From now on accepts calls only at these addresses, with the certificates that are in the files now. Connections
   * accepted at other addresses stay.
   *
   * @throws AppError when one of the addresses cannot be used; then nothing has changed
   */
  listen(addresses: Address[], files?: TlsFiles): Promise<void>;
  /** How many clients are connected. */
  connections(): number;
  /** Accepts no new calls; those in progress may finish within `grace` milliseconds. */
  close(grace: number): Promise<void>;
}

/** Accepts clients on any number of addresses. */
export function createListener({
  fastPath,
  handler,
}: {
  /** Where each connection starts. @param handOver gives a connection to Node's HTTP server for good */
  fastPath: (handOver: (client: Socket) => void) => FastPath;
  /**
   * Looked up for each call that Node's HTTP server parses, as a reload may happen between two calls on one connection.
   */
  handler: () => CallHandler;
}): ClientListener {
  /** By address, as the user wrote it. */
  let servers = new Map<string, net.Server>();
  /** Servers of earlier configurations, which close with their last connection. */
  const closing: Promise<void>[] = [];
  /** Including those that are still in their TLS handshake. */
  const sockets = new Set<Socket>();
  const fast = new Map<Socket, FastConnection>();
  const callServer = createCallServer(handler);
  const serve = fastPath((client) => {
    fast.delete(client);
    callServer.take(client);
  });

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  }

  function accept(socket: Socket): void {
    socket.once('close', () => fast.delete(socket));
    fast.set(socket, serve(socket));
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
      for (const server of next.values()) {
        if (server instanceof tls.Server) renewCertificates(server, material);
      }
    } catch (error) {
      for (const server of added) server.close();
      throw error;
    }
    for (const [text, server] of servers) if (!next.has(text)) closing.push(closed(server));
    servers = next;
  }

  async function open(address: Address, material: SecureContextOptions): Promise<net.Server> {
    // A client that ends its side may still read.
    const options = { allowHalfOpen: true, noDelay: true, ...KEEP_ALIVE };
    const server =
      address.kind === 'tls'
        ? createTlsServer({ ...options, ...material }, accept)
        : net.createServer(options, accept);
    server.on('connection', track);
    await listenOn(server, address);
    return server;
  }

  async function close(grace: number): Promise<void> {
    closing.push(...[...servers.values()].map(closed));
    for (const connection of [...fast.values()]) connection.finish();
    callServer.drain();
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, grace);
    await Promise.all(closing);
    clearTimeout(timer);
    callServer.close();
  }

  return { listen, connections: () => sockets.size, close };
}

/** Accepts no new connections; resolves when the last one is closed. */
function closed(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
