import type { Address } from '../config/address.js';
import type { Metrics } from './metrics.js';
import { servePath } from './serve-path.js';

/** Answers `GET /metrics` at an address of its own; the returned function stops that. */
export function serveMetrics(metrics: Metrics, address: Address): Promise<() => void> {
  return servePath('/metrics', address, (res) => {
    metrics.text().then(
      (text) => res.writeHead(200, { 'Content-Type': metrics.contentType }).end(text),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  });
}
