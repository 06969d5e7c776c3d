import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import { addGauges, type Observed } from './gauges.js';

/** Steps in giving a container its address: the lease, and the host's half of the link. */
export type AttachStep = 'lease' | 'datapath';
/** `local`: known here; `ignored`: not from the network, or not a question at all; `refused`: too many pending. */
export type DnsOutcome = 'local' | 'forwarded' | 'failed' | 'refused' | 'ignored';
export type StoreOperation = 'get' | 'list' | 'commit';
/** `conflict`: another host was faster, which is no failure. */
export type StoreResult = 'ok' | 'conflict' | 'failed';

/** What the agent measures. Labels come from fixed lists, except for the networks' names, whose number is limited. */
export interface AgentMetrics {
  attach(step: AttachStep, seconds: number): void;
  /** One of Docker's calls to its driver, for example `NetworkDriver.Join`. */
  driver(call: string, result: 'ok' | 'failed', seconds: number): void;
  dns(outcome: DnsOutcome, times: number): void;
  store(operation: StoreOperation, result: StoreResult, seconds: number): void;
  /** A pass over everything; `repairs`: how many connections it changed. */
  reconcile(result: 'ok' | 'failed', seconds: number, repairs: number): void;
  /**
   * Prometheus' text format.
   *
   * @param observed the state at this moment
   */
  text(observed: Observed): Promise<string>;
  contentType: string;
}

const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const DNS_OUTCOMES: DnsOutcome[] = ['local', 'forwarded', 'failed', 'refused', 'ignored'];

export function createAgentMetrics(): AgentMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const setGauges = addGauges(registry);
  const attach = new Histogram({
    name: 'socketplane_attach_duration_seconds',
    help: 'Time that the parts of giving a container its address took.',
    labelNames: ['step'] as const,
    buckets: BUCKETS,
    registers,
  });
  const driver = new Histogram({
    name: 'socketplane_driver_duration_seconds',
    help: 'Time that calls of Docker to its driver took, by how they ended.',
    labelNames: ['call', 'result'] as const,
    buckets: BUCKETS,
    registers,
  });
  const dns = new Counter({
    name: 'socketplane_dns_queries_total',
    help: 'Questions of containers, by what became of them.',
    labelNames: ['outcome'] as const,
    registers,
  });
  const store = new Histogram({
    name: 'socketplane_store_duration_seconds',
    help: 'Time that operations on the store took, by how they ended.',
    labelNames: ['operation', 'result'] as const,
    buckets: BUCKETS,
    registers,
  });
  const reconcile = new Histogram({
    name: 'socketplane_reconcile_duration_seconds',
    help: 'Time that looks at everything took; failed: something was left undone.',
    labelNames: ['result'] as const,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60],
    registers,
  });
  const repairs = new Counter({
    name: 'socketplane_reconcile_repairs_total',
    help: 'Connections that a look at everything changed.',
    registers,
  });

  // So that each series exists from the start.
  for (const outcome of DNS_OUTCOMES) dns.inc({ outcome }, 0);
  for (const step of ['lease', 'datapath']) attach.zero({ step });
  for (const result of ['ok', 'failed']) reconcile.zero({ result });

  return {
    attach: (step, seconds) => attach.observe({ step }, seconds),
    driver: (call, result, seconds) => driver.observe({ call, result }, seconds),
    dns: (outcome, times) => dns.inc({ outcome }, times),
    store: (operation, result, seconds) => store.observe({ operation, result }, seconds),
    reconcile(result, seconds, repaired) {
      reconcile.observe({ result }, seconds);
      repairs.inc(repaired);
    },
    async text(observed) {
      setGauges(observed);
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
