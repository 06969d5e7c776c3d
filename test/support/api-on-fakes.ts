import { createServer, type Server } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../lib/api/http/app.js';
import { apiRoutes } from '../../lib/api/routes.js';
import type { Membership } from '../../lib/cluster/membership/membership.js';
import type { AgentConfig } from '../../lib/config/agent.js';
import { AppError } from '../../lib/base/errors.js';
import { silentLog } from '../../lib/base/log.js';
import { createAgentMetrics } from '../../lib/metrics/agent-metrics.js';
import { measured } from '../../lib/metrics/measured-store.js';
import { createServices, type Services } from '../../lib/agent/services.js';
import { createCurrent } from '../../lib/agent/current.js';
import { createCell } from '../../lib/concurrency/observable.js';
import type { ClusterSettings } from '../../lib/cluster/settings.js';
import { createMemoryLiveness } from '../../lib/store/liveness.js';
import { createMemoryStore } from '../../lib/store/memory.js';
import { createDockerNetworksInMemory, driverOf, networkIn, runOn } from './agent-on-fakes.js';
import { createFakeDatapath } from './fake-datapath.js';
import { createFakeDocker } from './fake-docker.js';

const CONFIG: AgentConfig = {
  listen: '/run/socketplane/agent.sock',
  docker: '/var/run/docker.sock',
  state: '/var/lib/socketplane',
  bridge: 'docker0-ovs',
  datapath: 'auto',
  log: 'error',
  cluster: { name: 'socketplane', key: 'secret', join: [], leaseGrace: 600_000, mdns: true },
  consul: { address: 'http://192.0.2.1:8500', token: 'secret', prefix: 'socketplane/' },
};

/** A host that belongs to no cluster and cannot join one. */
function fakeMembership(): Membership {
  const nothing = async () => undefined;
  return {
    start: nothing,
    bootstrap: nothing,
    join: nothing,
    bind: nothing,
    leave: nothing,
    stop: nothing,
    status: () => ({
      state: 'none',
      hostId: 'h1',
      cluster: 'socketplane',
      underlay: undefined,
      server: false,
      problem: undefined,
    }),
  };
}

/** The whole REST API of an agent on fakes, on a unix socket and on TCP. */
export async function serveApi() {
  const folder = await mkdtemp(join(tmpdir(), 'socketplane-api-'));
  const docker = createFakeDocker();
  const bridge = createFakeDatapath();
  const { datapath } = bridge;
  const services = createCurrent<Services>('the agent is starting', 50);
  const membership = fakeMembership();
  const log = silentLog;
  log.level = 'error';
  const metrics = createAgentMetrics();
  const memory = createMemoryStore();
  const away = { isSo: false };
  const unlessAway = <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
    async function (...args: A): Promise<T> {
      if (away.isSo) throw new AppError('unavailable', 'the store does not answer');
      return call(...args);
    };
  const [get, list, commit] = [unlessAway(memory.get), unlessAway(memory.list), unlessAway(memory.commit)];
  const store = measured({ ...memory, get, list, commit }, metrics.store);
  const made = createServices({
    store,
    host: 'h1',
    docker: docker.docker,
    dockerNetworks: createDockerNetworksInMemory(),
    datapath,
    run: runOn(bridge),
    namesSocket: '/nonexistent/names.sock',
    onDriver: (driver) => docker.drive(driverOf(driver, networkIn(driver))),
    onStop: () => undefined,
    metrics,
    log,
  });
  services.set(made);
  const observe = () => ({
    ...{ version: '0.0.0', datapath: datapath.kind ?? 'unknown', services: services.current?.status() },
    ...{
      tunnels: datapath.tunnels,
      tunnelFaults: datapath.tunnelFaults.size,
      isMember: false,
      role: 'none' as const,
    },
  });
  const options = { version: '0.0.0', config: CONFIG, docker: docker.docker, datapath, membership };
  const settings = createCell<ClusterSettings | undefined>(undefined);
  const liveness = createMemoryLiveness();
  const routers = apiRoutes({
    ...options,
    settings,
    liveness: () => liveness,
    services,
    metrics,
    observe,
    log,
  });
  const app = createApp(routers, log);
  const socket = join(folder, 'agent.sock');
  const servers: Server[] = [createServer(app), createServer(app)];
  await new Promise<void>((resolve) => servers[0]!.listen(socket, resolve));
  await new Promise<void>((resolve) => servers[1]!.listen(0, '127.0.0.1', resolve));
  return {
    socket,
    port: (servers[1]!.address() as AddressInfo).port,
    routers,
    docker,
    bridge,
    /** Whether the store does not answer. */
    away,
    /** The current services, and those that were current at first. */
    current: services,
    services: made,
    metrics,
    log,
    async close(): Promise<void> {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await rm(folder, { recursive: true });
    },
  };
}
