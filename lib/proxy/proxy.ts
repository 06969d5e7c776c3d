import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../log.js';
import type { ProxyConfig } from './config.js';
import { createGeneration } from './generation.js';
import { createMetrics, type Metrics } from './metrics.js';
import { createListener } from './server.js';

export interface Proxy {
  metrics: Metrics;
  /** Resolves when every address of the configuration answers. */
  start(): Promise<void>;
  /**
   * Goes over to another configuration. Connections stay, and calls under way end as they began.
   *
   * @returns false when nothing is different
   * @throws AppError when an address cannot be listened on; then nothing has changed
   */
  reload(config: ProxyConfig): Promise<boolean>;
  /** Takes no new calls, lets those under way finish for `grace` milliseconds, and lets go of everything. */
  stop(grace: number): Promise<void>;
}

/** Puts the parts together. */
export function createProxy(config: ProxyConfig, log: Log): Proxy {
  const metrics: Metrics = createMetrics(() => listener.connections());
  let current = createGeneration(config, { metrics, log });
  const listener = createListener({
    handler: () => current.handler,
    upstream: () => current.upstream,
  });

  return {
    metrics,
    start: () => listener.listen(config.listen, config.tls),
    async reload(next) {
      const made = createGeneration(next, { metrics, log });
      try {
        // Certificates may have changed where the configuration has not.
        await listener.listen(next.listen, next.tls);
      } catch (error) {
        made.retire();
        throw error;
      }
      if (isDeepStrictEqual(next, current.config)) {
        made.retire();
        return false;
      }
      current.retire();
      current = made;
      return true;
    },
    async stop(grace) {
      await listener.close(grace);
      current.retire();
    },
  };
}
