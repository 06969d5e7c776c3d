import http from 'node:http';
import type { Address } from '../address.js';
import { listenOn } from '../listen.js';
import type { TraceHub } from './hub.js';

/** What a watcher may fall behind before it misses traces. */
const MAX_BEHIND = 4 * 2 ** 20;

/**
 * Answers `GET /trace` with one JSON document a line, for each call with hooks that ends from then on. The returned
 * function ends that.
 */
export async function serveTrace(hub: TraceHub, address: Address): Promise<() => void> {
  const server = http.createServer((req, res) => {
    if (req.method !== 'GET' || req.url !== '/trace') {
      res
        .writeHead(404, { 'Content-Type': 'application/json' })
        .end('{"message":"only GET /trace is here"}\n');
      return;
    }
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    res.flushHeaders();
    const end = hub.watch((trace) => {
      // The proxy does not wait for those who look at it.
      if (res.writableLength < MAX_BEHIND) res.write(`${JSON.stringify(trace)}\n`);
    });
    res.once('close', end);
  });
  await listenOn(server, address);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
