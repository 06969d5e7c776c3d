import type { OpenNetns } from '../../lib/datapath/kernel/netns.js';
import type { CreatedProcess, Runc } from '../../lib/docker/runc.js';
import { AppError } from '../../lib/base/errors.js';
import { silentLog } from '../../lib/base/log.js';
import { createConvergence } from '../../lib/agent/convergence.js';
import { createAttachments } from '../../lib/endpoints/attachments.js';
import { createEndpoints } from '../../lib/endpoints/endpoints.js';
import { createIpam } from '../../lib/ipam/ipam.js';
import { createNetworks } from '../../lib/network/networks.js';
import { createMemoryStore } from '../../lib/store/memory.js';
import type { Store } from '../../lib/store/store.js';
import { createFakeDatapath } from './fake-datapath.js';
import { createFakeDocker } from './fake-docker.js';
import { until } from './until.js';

type Shared = {
  store: Store;
  docker: ReturnType<typeof createFakeDocker>;
  bridge: ReturnType<typeof createFakeDatapath>;
};

/** An agent on fakes; a second one on the same fakes is the first one restarted. */
export async function setUp(shared?: Shared) {
  const { store, docker, bridge } = shared ?? {
    store: createMemoryStore(),
    docker: createFakeDocker(),
    bridge: createFakeDatapath(),
  };
  const networks = createNetworks({
    store,
    hostRoutes: async () => [],
    foreignNames: async () => [],
  });
  if (!shared) await networks.create('web', '10.0.0.0/29');
  const ipam = createIpam({ store, host: 'h1' });
  const awaited = new Map<string, (process: CreatedProcess) => void>();
  let held = 0;
  let waits = 0;
  let beforeOpening: (() => void) | undefined;
  const runc: Pick<Runc, 'created'> = {
    created: (container, _since, signal) =>
      new Promise<CreatedProcess | undefined>((resolve) => {
        waits++;
        awaited.set(container, resolve);
        signal.addEventListener('abort', () => resolve(undefined));
        if (signal.aborted) resolve(undefined);
      }).finally(() => void waits--),
  };
  /** Simulates runc having made a container's process, whose program does not run yet. */
  async function made(container: string, pid: number): Promise<void> {
    while (!awaited.has(container)) await new Promise(setImmediate);
    const hold = () => {
      held++;
      return () => void held--;
    };
    awaited.get(container)?.({ pid, hold });
  }
  const openNetns: OpenNetns = async (pid) => {
    if (beforeOpening) {
      beforeOpening();
      throw new AppError('notFound', 'it does not run any more');
    }
    return { path: `/netns/${pid}`, close: async () => undefined };
  };
  const common = { docker: docker.docker, networks, ipam, datapath: bridge.datapath, log: silentLog };
  const attachments = createAttachments({ ...common, openNetns, runc });
  const endpoints = createEndpoints({ ...common, attachments });
  const overlay = () => ({ peers: [], remotes: [] });
  /** Result, seconds and repairs of each convergence pass. */
  const passes: ['ok' | 'failed', number, number][] = [];
  const ending = new AbortController();
  let streams = 0;
  const { events } = docker.docker;
  docker.docker.events = async (signal) => {
    const stream = await events(signal);
    streams++;
    return stream;
  };
  const convergence = createConvergence({
    ...common,
    attachments,
    endpoints,
    overlay,
    onNetworks: async () => undefined,
    onPass: (...pass) => void passes.push(pass),
    signal: ending.signal,
  });
  return {
    passes,
    store,
    docker,
    bridge,
    made,
    held: () => held,
    /** Number of starts that are waiting for their process. */
    waits: () => waits,
    /** From now on no namespace can be opened. @param before called just before that */
    failOpening: (before: () => void) => void (beforeOpening = before),
    networks,
    ipam,
    attachments,
    endpoints,
    convergence,
    /** Resolves once Docker's events are being followed. */
    following: () => until(() => streams > 0),
    /** Ends the agent. */
    end: () => ending.abort(),
  };
}
