import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';

/*
 * Everything in the proxy that relies on what Node does but does not document. Each function has a test in
 * test/unit/proxy/http/node-internals.test.ts that fails when a new version of Node behaves differently.
 */

/**
 * Makes an HTTP server keep track of its connections although it never listens itself, so that `closeIdleConnections`
 * and the time limit for headers work. Relies on: Node starts to do so when the server emits `listening`.
 */
export function trackConnections(server: HttpServer): void {
  server.emit('listening');
}

/**
 * Lets clients that have ended their side still get their response. Relies on: Node closes a connection at the client's FIN
 * unless the server has the property `httpAllowHalfOpen`.
 */
export function allowHalfOpen(server: HttpServer): void {
  Object.assign(server, { httpAllowHalfOpen: true });
}

/**
 * Sets whether a running TLS server asks new clients for a certificate, which `setSecureContext` leaves unchanged.
 * Relies on: Node reads `requestCert` and `rejectUnauthorized` of the server at each handshake.
 */
export function requireClientCertificates(server: TlsServer, required: boolean): void {
  Object.assign(server, { requestCert: required, rejectUnauthorized: required });
}

/**
 * Makes Node's HTTP server let go of a connection in the middle of a call, as it does by itself only for upgrades. The
 * socket is paused afterwards; what comes next can be read from it.
 *
 * Relies on: the parser reads from the socket's handle directly until the socket gets a listener for `data`; everything
 * that the server does about a FIN (close) and a failure (respond with 400), it does in listeners for `end` and
 * `error`; and it resumes the socket only in the tick in which a request is complete.
 */
export function releaseSocket(socket: Socket): void {
  socket.on('data', () => undefined);
  socket.removeAllListeners('data');
  socket.removeAllListeners('end');
  socket.removeAllListeners('error');
  socket.pause();
  // In the tick of the request, Node may not have noticed yet that the request is complete; when it does, it resumes
  // the socket.
  process.nextTick(() => socket.pause());
}

/**
 * Emits `close` on a response whose turn had not come when its client left. Relies on: a response gets its socket when its turn
 * comes, and Node emits `close` only on the response that has the socket.
 */
export function closeQueuedResponse(response: ServerResponse): void {
  if (!response.socket) response.emit('close');
}

/**
 * Keeps Node from adding headers of its own: `Date`, and `Connection: keep-alive` when the client did not ask to close. Relies
 * on: Node does not add a header that was removed; and `shouldKeepAlive` says before the head is sent what the client asked for.
 */
export function omitAutomaticHeaders(response: ServerResponse): void {
  response.sendDate = false;
  if (response.shouldKeepAlive) response.removeHeader('Connection');
}

/** The socket's file descriptor, -1 when it is closed. Relies on: `_handle.fd`. */
export function fileDescriptor(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null };
  return handle?.fd ?? -1;
}

/**
 * Makes a connection fail if the other side has closed it altogether, as opposed to having ended its own direction. On
 * TCP this shows only once a reset has arrived. Relies on: Node hands a write of no bytes to the system, where it does nothing on a
 * connection that is open and fails with EPIPE on one that is not.
 */
export function probePeer(socket: Socket): void {
  // What is still to be written finds out by itself.
  if (socket.writable && socket.writableLength === 0) socket.write('');
}
