import { request } from 'node:http';
import { AppError } from '../base/errors.js';

export interface UnixRequest {
  /** Path of the unix socket. */
  socket: string;
  method?: string;
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Milliseconds for the whole request. */
  timeout: number;
}

export interface UnixAnswer {
  status: number;
  body: string;
}

/**
 * One HTTP request over a unix socket.
 *
 * @throws the system's error (`ENOENT`, `ECONNREFUSED`, `EACCES`, …), or AppError `unavailable` when time is up
 */
export function requestUnix({
  socket,
  method = 'GET',
  path,
  body,
  timeout,
}: UnixRequest): Promise<UnixAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: socket,
      method,
      path,
      // A connection that outlives its request would keep the process from ending.
      agent: false,
      headers: {
        host: 'localhost',
        ...(text !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
      },
    });
    const timer = setTimeout(() => {
      outgoing.destroy(new AppError('unavailable', `no answer on ${socket} within ${timeout / 1000} s`));
    }, timeout);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.end(text);
  });
}
