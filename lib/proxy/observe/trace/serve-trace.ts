import type { Address } from '../../config/address.js';
import { servePath } from '../serve-path.js';
import type { TraceHub } from './hub.js';

/** How many bytes a watcher may fall behind before it misses traces. */
const MAX_BEHIND = 4 * 2 ** 20;

/**
 * Answers `GET /trace` with one JSON document a line, for each call with hooks that ends from then on. The returned
 * function stops that.
 */
export function serveTrace(hub: TraceHub, address: Address): Promise<() => void> {
  return servePath('/trace', address, (res) => {
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson' });
    res.flushHeaders();
    const end = hub.watch((trace) => {
      // The proxy does not wait for its watchers.
      if (res.writableLength < MAX_BEHIND) res.write(`${JSON.stringify(trace)}\n`);
    });
    res.once('close', end);
  });
}
