import { createServer, type RequestListener, type Server } from 'node:http';
import { listenTcp } from '../os/listen-tcp.js';
import { listenUnix } from '../os/listen-unix.js';

/** Milliseconds that calls have to finish when the agent stops. */
const DRAIN_MS = 5_000;

export interface ApiServers {
  /** No new calls are accepted; those in progress may finish. */
  close(): Promise<void>;
}

/**
 * Serves the API.
 *
 * @param at path of a unix socket, and optionally a TCP address (`host:port`, with an IPv6 address in brackets)
 * @throws AppError `unavailable` when one of them cannot be used
 */
export async function serveApi(
  app: RequestListener,
  at: { listen: string; tcp?: string },
): Promise<ApiServers> {
  const servers = [createServer(app)];
  await listenUnix(servers[0]!, at.listen);
  if (at.tcp !== undefined) {
    const server = createServer(app);
    // Not `http:`, for which URL drops port 80 as the default.
    const { hostname, port } = new URL(`tcp://${at.tcp}`);
    await listenTcp(server, { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }, { name: at.tcp });
    servers.push(server);
  }
  return {
    async close() {
      await Promise.all(servers.map(drain));
    },
  };
}

async function drain(server: Server): Promise<void> {
  const drained = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await drained;
  clearTimeout(timer);
}
