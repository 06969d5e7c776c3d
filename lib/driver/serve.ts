import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { listenUnix } from '../os/listen-unix.js';
import { CALLS } from './calls.js';
import type { Driver } from './driver.js';

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.2+json';
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
  log: Log;
}

/** Answers Docker's calls to its network driver and its IPAM driver, which the holder of the plugin's socket passes on. */
export async function serveDriver({ socket, driver, observe, log }: DriverServerOptions): Promise<DriverServer> {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const call = CALLS.get(path);
    if (!call) return send(response, 404, { Err: `no such call: ${path}` });
    const body = await read(request);
    if (body === undefined) return send(response, 413, errorOf(path, 'the body is too large'));
    // What Docker sends again after a broken connection may have lost its body.
    if (body === '') return send(response, 400, errorOf(path, 'the body is empty: try again'));
    const began = performance.now();
    const end = (result: 'ok' | 'failed') => observe(path.slice(1), result, (performance.now() - began) / 1000);
    try {
      const parsed: unknown = JSON.parse(body);
      const result = await call(await driver(), parsed);
      end('ok');
      log.debug('driver call', { path, ms: Math.round(performance.now() - began) });
      send(response, 200, result);
    } catch (error) {
      end('failed');
      log.warn('a call of Docker to its driver failed', { path, error: messageOf(error) });
      send(response, 200, errorOf(path, messageOf(error)));
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      log.debug('a call of Docker to its driver broke off', { error: messageOf(error) });
      response.destroy();
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
  response.writeHead(status, { 'Content-Type': CONTENT_TYPE }).end(JSON.stringify(answer));
}

/** The two drivers have different fields for an error. */
function errorOf(path: string, message: string): object {
  return path.startsWith('/IpamDriver.') ? { Error: message } : { Err: message };
}

/** Undefined when it is too long. */
async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > LONGEST_BODY) return undefined;
  }
  return Buffer.concat(chunks).toString();
}
