import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import { createCallLog } from './call-log.js';
import { createCallerOf, type CallerOf } from './caller.js';
import type { ProxyConfig } from './config.js';
import { createHandler } from './handler.js';
import { createHijack } from './hijack.js';
import { createHookedCall } from './hooked.js';
import type { Adapter } from './hooks/adapter.js';
import { createChains } from './hooks/chain.js';
import { createHttpAdapter } from './hooks/http-adapter.js';
import { loadModule } from './hooks/load-module.js';
import { createModuleAdapter } from './hooks/module-adapter.js';
import { protocol1 } from './hooks/protocol-1.js';
import { protocol2 } from './hooks/protocol-2.js';
import { createMatch } from './match.js';
import type { Metrics } from './metrics.js';
import { createPassThrough } from './pass-through.js';
import type { Handler } from './server.js';
import type { TraceHub } from './trace/hub.js';
import { createTunnel } from './tunnel.js';
import { createUpstream, type Upstream } from './upstream.js';

/** How much longer a reply may be than the body in it: as a string in JSON every byte can take six. */
const ESCAPED = 6;

/** All that follows from one state of the configuration. Calls end by the one that they began with. */
export interface Generation {
  config: ProxyConfig;
  upstream: Upstream;
  handler: Handler;
  /** Resolves when no hook is being unwound. */
  settled(): Promise<void>;
  /** Calls under way go on; no connection is kept for later ones. */
  retire(): void;
}

export interface GenerationParts {
  metrics: Metrics;
  trace: TraceHub;
  log: Log;
}

/** @throws AppError when an adapter cannot be loaded, or callers cannot be told from each other and adapters want that */
export async function createGeneration(config: ProxyConfig, parts: GenerationParts): Promise<Generation> {
  const { metrics, trace, log } = parts;
  const callerOf = await tellCallers(config);
  const adapters = await createAdapters(config, log);
  const upstream = createUpstream(config.upstream, config.upstreamTls);
  const { hookBody } = config.limits;
  const chains = createChains({ adapters, metrics, log });
  const handler = createHandler({
    match: createMatch(config.endpoints),
    buildkit: config.buildkit,
    passThrough: createPassThrough(upstream),
    hooked: createHookedCall({ upstream, chains, hookBody }),
    hijack: createHijack({ tunnel: createTunnel(upstream), chains, hookBody }),
    callLog: createCallLog({ callerOf, trace, log }),
    metrics,
  });
  return {
    config,
    upstream,
    handler,
    settled: () => chains.settled(),
    retire() {
      upstream.retire();
      for (const adapter of adapters.values()) adapter.retire();
    },
  };
}

async function createAdapters(config: ProxyConfig, log: Log): Promise<Map<string, Adapter>> {
  const adapters = new Map<string, Adapter>();
  try {
    for (const name of config.adapters.keys()) adapters.set(name, await createAdapter(name, config, log));
  } catch (error) {
    for (const adapter of adapters.values()) adapter.retire();
    throw error;
  }
  return adapters;
}

async function createAdapter(name: string, config: ProxyConfig, log: Log): Promise<Adapter> {
  const { hookBody, adapterTimeout } = config.limits;
  const adapter = config.adapters.get(name)!;
  const { timeout = adapterTimeout, onFailure } = adapter;
  if ('url' in adapter) {
    const protocol = adapter.protocol === 2 ? protocol2 : protocol1;
    const maxReply = ESCAPED * hookBody + 2 ** 20;
    return createHttpAdapter({ name, url: adapter.url, protocol, timeout, onFailure, maxReply });
  }
  const { module, options } = adapter;
  const hooks = await loadModule(module, { name, options, directory: config.directory, log });
  for (const side of ['pre', 'post'] as const) {
    const endpoint = config.endpoints.find((candidate) => candidate[side].includes(name));
    if (!endpoint || hooks[side]) continue;
    throw new AppError(
      'invalid',
      `adapter ${name} (${module.text}) has no function ${side}, but ${endpoint.pattern} has it under ${side}`,
    );
  }
  return createModuleAdapter({ name, hooks, timeout, onFailure, log });
}

/** Where adapters go by the caller, not to know it is a reason not to start; else it is missing in the log alone. */
async function tellCallers({ adapters }: ProxyConfig): Promise<CallerOf | undefined> {
  const wanted = [...adapters.values()].some((adapter) => 'module' in adapter || adapter.protocol === 2);
  if (!wanted && adapters.size === 0) return undefined;
  return createCallerOf().catch((error: unknown) => {
    if (wanted) throw error;
    return undefined;
  });
}
