import http from 'node:http';
import type { Address } from './address.js';
import { listenOn } from './listen.js';
import type { Metrics } from './metrics.js';

/** Answers `GET /metrics` at an address of its own; the returned function ends that. */
export async function serveMetrics(metrics: Metrics, address: Address): Promise<() => void> {
  const server = http.createServer((req, res) => {
    if (req.method !== 'GET' || req.url !== '/metrics') {
      res
        .writeHead(404, { 'Content-Type': 'application/json' })
        .end('{"message":"only GET /metrics is here"}\n');
      return;
    }
    metrics.text().then(
      (text) => res.writeHead(200, { 'Content-Type': metrics.contentType }).end(text),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  });
  await listenOn(server, address);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
