import { request } from 'node:http';
import { AppError, hasCode } from '../base/errors.js';

/** A call of Docker's, as it came. */
export interface DriverCall {
  path: string;
  body: Buffer;
  /** Headers that say something about body and answer. */
  headers: Record<string, string>;
}

export interface DriverAnswer {
  status: number;
  /** Content type, if the driver gave one. */
  type: string | undefined;
  body: Buffer;
}

export interface DriverOptions {
  /** Path of the agent's unix socket. */
  socket: string;
  /** Milliseconds for the whole call. */
  timeout: number;
  /** Ends the call, with an error. */
  signal: AbortSignal;
}

/** Whether nothing accepted the connection, so the driver has seen nothing of the call. */
export const isAway = (error: unknown): boolean => hasCode(error, 'ENOENT', 'ENOTDIR', 'ECONNREFUSED');

/**
 * Makes one call to the driver. Resolves when its answer is complete.
 *
 * @throws the system's error where the connection cannot be made or breaks, AppError `unavailable` when time is up
 */
export function askDriver(
  call: DriverCall,
  { socket, timeout, signal }: DriverOptions,
): Promise<DriverAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath: socket,
      method: 'POST',
      path: call.path,
      // A connection of its own: one from a pool may belong to an agent that has ended.
      agent: false,
      headers: { ...call.headers, host: 'localhost', 'content-length': call.body.length },
      signal,
    });
    const timer = setTimeout(() => {
      outgoing.destroy(new AppError('unavailable', `no answer within ${timeout / 1000} s`));
    }, timeout);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.end(call.body);
  });
}
