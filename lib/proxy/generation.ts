import type { Log } from '../base/log.js';
import type { AttachedStreams } from './calls/attached-streams.js';
import { createCallLog, type CallLog } from './observe/call-log.js';
import type { ProxyConfig } from './config/config.js';
import { createHandler, type Handler } from './calls/handler.js';
import { createHijack } from './calls/hijack.js';
import { createHookedCall } from './calls/hooked.js';
import { createLeaveNothing, type LeaveNothing } from './calls/leave-nothing.js';
import type { HookAdapter } from './hooks/adapter.js';
import { createChains } from './hooks/chain.js';
import { loadAdapters } from './hooks/load-adapters.js';
import { createMatch } from './config/match.js';
import type { Metrics } from './observe/metrics.js';
import { createPassThrough } from './calls/pass-through.js';
import type { TraceHub } from './observe/trace/hub.js';
import { createTunnel } from './calls/tunnel.js';
import { createUpstream, type Upstream } from './upstream/upstream.js';

/** Everything that is made from one state of the configuration. A call ends in the generation that it began in. */
export interface Generation {
  config: ProxyConfig;
  upstream: Upstream;
  handler: Handler;
  /** Resolves when no hook is running or being unwound. */
  settled(): Promise<void>;
  /** Releases everything; no hook may be called afterwards. Resolves when the adapters are closed; never rejects. */
  retire(): Promise<void>;
}

export interface GenerationParts {
  metrics: Metrics;
  trace: TraceHub;
  /** Of all generations: a stream lasts longer than the configuration that it began in. */
  attached: AttachedStreams;
  log: Log;
}

/** @throws AppError when an adapter cannot be loaded */
export async function createGeneration(config: ProxyConfig, parts: GenerationParts): Promise<Generation> {
  const { metrics, trace, attached, log } = parts;
  const { adapters, callerOf } = await loadAdapters(config, log);
  const upstream = createUpstream(config.upstream, config.upstreamTls);
  const callLog = createCallLog({ callerOf, trace, log });
  const handler = createHandling({
    config,
    adapters,
    upstream,
    attached,
    leaveNothing: createLeaveNothing({ upstream, attached, log }),
    callLog,
    metrics,
    log,
  });
  return {
    config,
    upstream,
    handler,
    settled: () => callLog.settled(),
    async retire() {
      upstream.retire();
      await Promise.all([...adapters.values()].map((adapter) => adapter.retire()));
    },
  };
}

/** Creates the handler that takes calls through hooks to Docker and back. */
export function createHandling(parts: {
  config: Pick<ProxyConfig, 'endpoints' | 'buildkit' | 'limits'>;
  adapters: Map<string, HookAdapter>;
  upstream: Upstream;
  attached: Pick<AttachedStreams, 'add'>;
  leaveNothing: LeaveNothing;
  callLog: CallLog;
  metrics: Pick<Metrics, 'call' | 'stream' | 'hook'>;
  log: Log;
}): Handler {
  const { config, adapters, upstream, attached, leaveNothing, callLog, metrics, log } = parts;
  const { hookBody } = config.limits;
  const chains = createChains({ adapters, observer: metrics, log });
  return createHandler({
    match: createMatch(config.endpoints),
    buildkit: config.buildkit,
    passThrough: createPassThrough(upstream),
    hooked: createHookedCall({ upstream, chains, leaveNothing, hookBody }),
    hijack: createHijack({ tunnel: createTunnel(upstream), chains, hookBody }),
    attached,
    callLog,
    metrics,
  });
}
