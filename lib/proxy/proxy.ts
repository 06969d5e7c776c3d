import type { Log } from '../log.js';
import { createAdapter } from './adapter.js';
import { createChains } from './chain.js';
import type { ProxyConfig } from './config.js';
import { createHandler } from './handler.js';
import { createHijack } from './hijack.js';
import { createHookedCall } from './hooked.js';
import { createMatch } from './match.js';
import { createPassThrough } from './pass-through.js';
import { createListener } from './server.js';
import { createTunnel } from './tunnel.js';
import { createUpstream } from './upstream.js';

export interface Proxy {
  /** Resolves when every address of the configuration answers. */
  start(): Promise<void>;
  /** Takes no new calls, lets those under way finish for `grace` milliseconds, and lets go of everything. */
  stop(grace: number): Promise<void>;
}

/** How much longer a reply may be than the body in it: as a string in JSON every byte can take six. */
const ESCAPED = 6;

/** Puts the parts together. */
export function createProxy(config: ProxyConfig, log: Log): Proxy {
  const { hookBody, adapterTimeout } = config.limits;
  const upstream = createUpstream(config.upstream);
  const adapters = new Map(
    [...config.adapters].map(([name, { url, timeout = adapterTimeout, onFailure }]) => [
      name,
      createAdapter({ name, url, timeout, onFailure, maxReply: ESCAPED * hookBody + 2 ** 20 }),
    ]),
  );
  const chains = createChains({ adapters, log });
  const handler = createHandler({
    match: createMatch(config.endpoints),
    buildkit: config.buildkit,
    passThrough: createPassThrough(upstream),
    hooked: createHookedCall({ upstream, chains, hookBody }),
    hijack: createHijack({ tunnel: createTunnel(upstream), chains, hookBody }),
    log,
  });
  const listener = createListener(handler, { upstream: () => upstream, passes: handler.passes });

  return {
    async start() {
      for (const address of config.listen) await listener.listen(address);
    },
    async stop(grace) {
      await listener.close(grace);
      upstream.close();
      for (const adapter of adapters.values()) adapter.close();
    },
  };
}
