import type { HookResult, HookType } from '../hooks/hook.js';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * How a call went through: without hooks as bytes, without hooks by the parser, with hooks, as a stream, or not at all.
 */
export type Way = 'plain' | 'passed' | 'hooked' | 'stream' | 'refused';

export interface Metrics {
  call(way: Way): void;
  /** Counts one more open stream (attach, exec, BuildKit); the returned function counts its end. */
  stream(): () => void;
  hook(adapter: string, type: HookType, result: HookResult, seconds: number): void;
  reload(result: 'ok' | 'refused'): void;
  /** All metrics in Prometheus' text format. Those of the process itself are collected from the first call on. */
  text(): Promise<string>;
  contentType: string;
}

/** @param connections how many clients are connected now */
export function createMetrics(connections: () => number): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const calls = new Counter({
    name: 'powerstrip_calls_total',
    help: 'Calls of clients, by the way they went.',
    labelNames: ['way'] as const,
    registers,
  });
  const streams = new Gauge({
    name: 'powerstrip_open_streams',
    help: 'Attached, exec and BuildKit streams that are open.',
    registers,
  });
  new Gauge({
    name: 'powerstrip_client_connections',
    help: 'Connections of clients that are open.',
    registers,
    collect() {
      this.set(connections());
    },
  });
  const hooks = new Histogram({
    name: 'powerstrip_hook_duration_seconds',
    help: 'Time that adapters took, by how they ended.',
    labelNames: ['adapter', 'type', 'result'] as const,
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const reloads = new Counter({
    name: 'powerstrip_config_reloads_total',
    help: 'Changes of the configuration, by what became of them.',
    labelNames: ['result'] as const,
    registers,
  });
  // Looked up once, as calls are counted on the fast path.
  const ways = Object.fromEntries(
    (['plain', 'passed', 'hooked', 'stream', 'refused'] as const).map((way) => [way, calls.labels(way)]),
  ) as Record<Way, Counter.Internal>;

  // So that each of them is there from the start.
  for (const way of Object.values(ways)) way.inc(0);

  // They need a timer and observe garbage collections, which costs a tenth of the calls that the fast path can make.
  let collects = false;
  function collectOfProcess(): void {
    if (collects) return;
    collects = true;
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  }

  return {
    call: (way) => ways[way].inc(),
    stream() {
      streams.inc();
      return () => streams.dec();
    },
    hook: (adapter, type, result, seconds) => hooks.labels(adapter, type, result).observe(seconds),
    reload: (result) => reloads.labels(result).inc(),
    text() {
      collectOfProcess();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
