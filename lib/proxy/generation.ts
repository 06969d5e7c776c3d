import type { Log } from '../log.js';
import { createAdapter } from './adapter.js';
import { createChains } from './chain.js';
import type { ProxyConfig } from './config.js';
import { createHandler } from './handler.js';
import { createHijack } from './hijack.js';
import { createHookedCall } from './hooked.js';
import { createMatch } from './match.js';
import type { Metrics } from './metrics.js';
import { createPassThrough } from './pass-through.js';
import { createTunnel } from './tunnel.js';
import { createUpstream } from './upstream.js';

/** How much longer a reply may be than the body in it: as a string in JSON every byte can take six. */
const ESCAPED = 6;

/** All that follows from one state of the configuration. Calls end by the one that they began with. */
export function createGeneration(config: ProxyConfig, { metrics, log }: { metrics: Metrics; log: Log }) {
  const { hookBody, adapterTimeout } = config.limits;
  const upstream = createUpstream(config.upstream, config.upstreamTls);
  const adapters = new Map(
    [...config.adapters].map(([name, { url, timeout = adapterTimeout, onFailure }]) => [
      name,
      createAdapter({ name, url, timeout, onFailure, maxReply: ESCAPED * hookBody + 2 ** 20 }),
    ]),
  );
  const chains = createChains({ adapters, metrics, log });
  const handler = createHandler({
    match: createMatch(config.endpoints),
    buildkit: config.buildkit,
    passThrough: createPassThrough(upstream),
    hooked: createHookedCall({ upstream, chains, hookBody }),
    hijack: createHijack({ tunnel: createTunnel(upstream), chains, hookBody }),
    metrics,
    log,
  });
  return {
    config,
    upstream,
    handler,
    /** Calls under way go on; no connection is kept for later ones. */
    retire() {
      upstream.retire();
      for (const adapter of adapters.values()) adapter.retire();
    },
  };
}

export type Generation = ReturnType<typeof createGeneration>;
