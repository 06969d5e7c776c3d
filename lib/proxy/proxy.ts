import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../base/log.js';
import { createAttachedStreams } from './calls/attached-streams.js';
import { createListener } from './client/listener.js';
import type { ProxyConfig } from './config/config.js';
import { createFastPath } from './fast/front.js';
import { createGeneration, type Generation } from './generation.js';
import { createMetrics, type Metrics } from './observe/metrics.js';
import { createTraceHub, type TraceHub } from './observe/trace/hub.js';

export interface Proxy {
  metrics: Metrics;
  trace: TraceHub;
  /** Resolves when every address of the configuration answers. */
  start(): Promise<void>;
  /**
   * Switches to another configuration. Connections stay, and calls in progress end as they began.
   *
   * @param anew switches even when nothing is different: adapters are created again
   * @returns false when nothing is different
   * @throws AppError when an address cannot be listened on or an adapter cannot be loaded; then nothing has changed
   */
  reload(config: ProxyConfig, anew?: boolean): Promise<boolean>;
  /** Accepts no new calls, lets those in progress finish within `grace` milliseconds, and lets go of everything. */
  stop(grace: number): Promise<void>;
}

/**
 * Puts the parts together.
 *
 * @throws AppError when an adapter cannot be loaded
 */
export async function createProxy(config: ProxyConfig, log: Log): Promise<Proxy> {
  const metrics: Metrics = createMetrics(() => listener.connections());
  const trace = createTraceHub();
  const parts = { metrics, trace, attached: createAttachedStreams(), log };
  let current = await createGeneration(config, parts);
  /** Generations of earlier configurations, whose calls may still be in progress. */
  const former = new Set<Generation>();
  const listener = createListener({
    fastPath: (handOver) =>
      createFastPath({
        upstream: () => current.upstream,
        passes: (method, target) => current.handler.passes(method, target),
        handOver,
      }),
    handler: () => current.handler,
  });

  /** Waits before it closes adapters, which calls in progress may still need for their hooks. */
  async function retire(generation: Generation): Promise<void> {
    former.add(generation);
    // A stream that lasts for days keeps its generation, but not the connections that other calls have left idle.
    generation.upstream.retire();
    await generation.settled();
    if (former.delete(generation)) await generation.retire();
  }

  return {
    metrics,
    trace,
    start: () => listener.listen(config.listen, config.tls),
    async reload(next, anew = false) {
      const same = !anew && isDeepStrictEqual(next, current.config);
      const made = same ? undefined : await createGeneration(next, parts);
      try {
        // Certificates may have changed even if the configuration has not.
        await listener.listen(next.listen, next.tls);
      } catch (error) {
        await made?.retire();
        throw error;
      }
      if (!made) return false;
      void retire(current);
      current = made;
      return true;
    },
    async stop(grace) {
      await listener.close(grace);
      const inGrace = (work: Promise<unknown>) =>
        Promise.race([work, sleep(grace, undefined, { ref: false })]);
      await inGrace(Promise.all([current, ...former].map((generation) => generation.settled())));
      const left = [current, ...former];
      former.clear();
      await inGrace(Promise.all(left.map((generation) => generation.retire())));
    },
  };
}
