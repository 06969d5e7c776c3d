import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { listenUnix } from '../os/listen-unix.js';
import { failureBody, PLUGIN_TYPE } from '../plugin/calls.js';
import { CALLS } from './calls.js';
import type { Driver } from './driver.js';

const LONGEST_BODY = 1024 * 1024;

export interface DriverServer {
  /** No new calls are accepted; those in progress may finish. */
  close(): Promise<void>;
}

export interface DriverServerOptions {
  /** Path of the unix socket. */
  socket: string;
  /** The driver in use; rejects with the reason when there is none for too long. */
  driver: () => Promise<Driver>;
  /** Told of each call, how it ended and how long it took. */
  observe: (call: string, result: 'ok' | 'failed', seconds: number) => void;
  /** Called when one fails for a reason that will pass: Docker does not start the container again by itself. */
  onUnavailable: () => void;
  log: Log;
}

/** Answers Docker's calls to its network driver and its IPAM driver, which the holder of the plugin's socket passes on. */
export async function serveDriver({
  socket,
  driver,
  observe,
  onUnavailable,
  log,
}: DriverServerOptions): Promise<DriverServer> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const call = CALLS.get(path);
    if (!call) return send(response, 404, { Err: `no such call: ${path}` });
    const body = await read(request);
    if (body === undefined) return send(response, 413, failureBody(path, 'the body is too large'));
    // What Docker sends again after a broken connection may have lost its body.
    if (body === '') return send(response, 400, failureBody(path, 'the body is empty: try again'));
    const began = performance.now();
    const end = (result: 'ok' | 'failed') =>
      observe(path.slice(1), result, (performance.now() - began) / 1000);
    try {
      const result = await call(await driver(), parse(body));
      end('ok');
      log.debug('driver call', { path, ms: Math.round(performance.now() - began) });
      send(response, 200, result);
    } catch (error) {
      end('failed');
      log.warn('a call of Docker to its driver failed', { path, error: messageOf(error) });
      if (error instanceof AppError && error.kind === 'unavailable') onUnavailable();
      send(response, 200, failureBody(path, error));
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.debug('a call of Docker to its driver broke off', { error: messageOf(error) });
      response.destroy();
    });
  });
  // Docker's connections are kept: each ends with its next answer once the server is closing, and not before.
  server.on('request', (_request, response: ServerResponse) => {
    response.once('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
  });
  // Connections are pooled, and a call on one that was closed in the meantime would be lost.
  Object.assign(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 });
  await listenUnix(server, socket, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
}

function send(response: ServerResponse, status: number, answer: object): void {
  response.writeHead(status, { 'Content-Type': PLUGIN_TYPE }).end(JSON.stringify(answer));
}

/** Undefined when it is too long; it has been read to its end nevertheless, so that the caller reads the answer. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LONGEST_BODY) chunks.push(chunk);
    else chunks.length = 0;
  }
  return length > LONGEST_BODY ? undefined : Buffer.concat(chunks, length).toString();
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AppError('invalid', 'Docker sent a body that is not JSON', { cause });
  }
}
