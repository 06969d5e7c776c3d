import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { AppError, asError } from '../../base/errors.js';
import { createMessageSplitter } from './json-messages.js';
import { keepConnection, NotSent } from '../../os/kept-connection.js';

const message = z.object({
  method: z.string().optional(),
  id: z.unknown().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
});

/** JSON-RPC with Open vSwitch's database (RFC 7047). The connection is made when it is needed, and kept. */
export interface OvsdbClient {
  /**
   * Sends a request and returns its result.
   *
   * @param timeout milliseconds until the answer must be there
   * @throws AppError `unavailable` without a connection, when it breaks before the answer, or without an answer in time;
   *   `internal` when the answer is an error
   */
  request(method: string, params: unknown[], timeout: number): Promise<unknown>;
  /**
   * Follows the rows of a table on a connection of its own: all of them at first, and again after each change.
   *
   * @param params of the request `monitor`
   * @param timeout milliseconds until the first answer must be there
   * @returns when `signal` aborts, or when the connection breaks
   */
  monitor(
    params: unknown[],
    table: string,
    timeout: number,
    onRows: (rows: unknown[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** @param unavailable makes the error for a connection that cannot be had, or broke */
export function createOvsdbClient(
  path: string,
  unavailable: (cause: unknown) => AppError | Promise<AppError>,
): OvsdbClient {
  const connection = keepConnection((onClose) => openConnection(path, onClose), unavailable);
  return {
    request: (method, params, timeout) =>
      connection.use((current) => current.request(method, params, timeout)),
    async monitor(params, table, timeout, onRows, signal) {
      signal.throwIfAborted();
      const rows = new Map<string, unknown>();
      function take(updates: unknown): void {
        for (const [uuid, { new: row }] of Object.entries(tableUpdates.parse(updates)[table] ?? {})) {
          if (row === undefined) rows.delete(uuid);
          else rows.set(uuid, row);
        }
        onRows([...rows.values()]);
      }
      let onEnd: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => (onEnd = resolve));
      const own = await openConnection(path, onEnd, (method, [, updates]) => {
        if (method === 'update') take(updates);
      });
      signal.addEventListener('abort', own.close);
      try {
        take(await own.request('monitor', params, timeout));
        if (!signal.aborted) await ended;
      } finally {
        signal.removeEventListener('abort', own.close);
        own.close();
      }
    },
  };
}

/** By table and row (RFC 7047, section 4.1.6). */
const tableUpdates = z.record(z.string(), z.record(z.string(), z.object({ new: z.unknown().optional() })));

interface Connection {
  request(method: string, params: unknown[], timeout: number): Promise<unknown>;
  close(): void;
}

/**
 * @param onClose called once, when there will be no more answers
 * @param onNotice called with what the server sends unasked
 */
function openConnection(
  path: string,
  onClose: () => void,
  onNotice: (method: string, params: unknown[]) => void = () => undefined,
): Promise<Connection> {
  interface Waiting {
    resolve: (result: unknown) => void;
    reject: (error: Error) => void;
    timer: NodeJS.Timeout;
  }
  const waiting = new Map<number, Waiting>();
  let last = 0;

  function settle(id: number): Waiting | undefined {
    const one = waiting.get(id);
    clearTimeout(one?.timer);
    waiting.delete(id);
    // An idle connection keeps no program running.
    if (waiting.size === 0) socket.unref();
    return one;
  }

  function close(cause: Error): void {
    onClose();
    socket.destroy();
    for (const id of [...waiting.keys()]) settle(id)?.reject(cause);
  }

  function receive(text: string): void {
    const { method, id, params, result, error } = message.parse(JSON.parse(text));
    if (method === 'echo') {
      socket.write(JSON.stringify({ id, result: params, error: null }));
    } else if (method !== undefined) {
      onNotice(method, z.array(z.unknown()).catch([]).parse(params));
    } else if (typeof id === 'number') {
      const one = settle(id);
      if (error === null || error === undefined) one?.resolve(result);
      else one?.reject(new AppError('internal', `Open vSwitch's database refused: ${JSON.stringify(error)}`));
    }
  }

  const split = createMessageSplitter();
  const socket: Socket = connect(path);
  return new Promise<Connection>((resolve, reject) => {
    socket.on('error', (error) => {
      reject(error);
      close(error);
    });
    socket.on('close', () => close(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      try {
        split(chunk).forEach(receive);
      } catch (error) {
        close(asError(error));
      }
    });
    socket.once('connect', () =>
      resolve({
        close: () => close(new Error('the connection was closed')),
        request: (method, params, timeout) =>
          new Promise((resolveRequest, rejectRequest) => {
            if (socket.destroyed) return rejectRequest(new NotSent());
            const id = ++last;
            const late = () => settle(id)?.reject(new Error(`no answer within ${timeout} ms`));
            const timer = setTimeout(late, timeout);
            waiting.set(id, { resolve: resolveRequest, reject: rejectRequest, timer });
            socket.ref();
            socket.write(JSON.stringify({ method, params, id }), (error) => {
              // The kernel took nothing of it, because the server had closed its end.
              if (error) settle(id)?.reject(new NotSent(error.message));
            });
          }),
      }),
    );
  });
}
