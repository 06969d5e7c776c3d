import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LightLog } from '../../../lib/plugin/light-log.js';
import { createPluginServer, type PluginServerOptions } from '../../../lib/plugin/server.js';
import { ask, type Asked } from '../../support/ask.js';

const HEADERS = { accept: 'application/x-wanted', 'content-type': 'application/x-sent' };

/** What an agent was asked. */
export interface Seen {
  path: string;
  body: string;
  headers: NodeJS.Dict<string | string[]>;
}

/** A plugin server on a socket, and agents that come and go behind it. */
export async function createBench(options: Partial<PluginServerOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'plugin-'));
  const [socket, driver] = [join(folder, 'plugin.sock'), join(folder, 'driver.sock')];
  const lines: string[] = [];
  const write = (message: string, fields?: object) =>
    void lines.push([message, ...Object.values({ ...fields }).map(String)].join(' '));
  const log: LightLog = { error: write, warn: write, info: write };
  const open: Server[] = [];

  async function listen(server: Server, path: string): Promise<Server> {
    await new Promise<void>((resolve) => server.listen(path, resolve));
    open.push(server);
    return server;
  }
  async function close(server: Server): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  const server = await listen(createPluginServer({ driverSocket: driver, log, ...options }), socket);

  return {
    folder,
    socket,
    server,
    lines,
    close,
    /** An agent that answers every call with its body, or does as it is told. */
    async agent(listener?: RequestListener): Promise<{ seen: Seen[]; server: Server }> {
      const seen: Seen[] = [];
      const echo = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          seen.push({ path: request.url ?? '', body, headers: request.headers });
          if (listener !== undefined) listener(request, response);
          else response.writeHead(200, { 'content-type': 'application/x-test' }).end(body);
        });
      });
      return { seen, server: await listen(echo, driver) };
    },
    call(path: string, body = '{}', signal?: AbortSignal): Promise<Asked> {
      return ask({ socketPath: socket, signal }, 'POST', path, { body, headers: HEADERS });
    },
    async end(): Promise<void> {
      for (const one of open) if (one.listening) await close(one);
      await rm(folder, { recursive: true });
    },
  };
}
export type PluginBench = Awaited<ReturnType<typeof createBench>>;
