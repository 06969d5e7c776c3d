import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { createApp } from './api/http/app.js';
import { agentRoutes } from './api/routes.js';
import { raisePriority } from './os/cpu-priority.js';
import { readAgentConfig, type AgentConfig } from './config/agent.js';
import { createOvsDatapath } from './datapath/ovs.js';
import { createClusterStateFile, readHostId, type ClusterState } from './cluster/membership/state-file.js';
import { createConsulAgent } from './cluster/consul/agent.js';
import { consulFiles } from './cluster/consul/config.js';
import { createExternalMembership } from './cluster/membership/external.js';
import { createManagedMembership } from './cluster/membership/managed.js';
import type { Membership, MembershipStatus } from './cluster/membership/membership.js';
import { createUnderlayFinder, type Underlay } from './cluster/underlay.js';
import { createCell } from './concurrency/observable.js';
import { withBootstrap, type ClusterConfig } from './config/cluster.js';
import { createDocker } from './docker/dockerode.js';
import { createRunc } from './docker/runc.js';
import { messageOf } from './base/errors.js';
import { createRun } from './os/exec.js';
import { createHost } from './agent/store-switch.js';
import { hostPaths } from './base/paths.js';
import { createLog } from './base/log.js';
import { createAgentMetrics } from './metrics/agent-metrics.js';
import type { ConsulRole } from './metrics/gauges.js';
import { measured } from './metrics/measured-store.js';
import { createNode } from './agent/services.js';
import { writePidFile } from './os/pid-file.js';
import { createSeat } from './agent/current.js';
import { openEmbeddedStore } from './store/embedded.js';
import { openConsul } from './store/open-consul.js';
import { listenTcp } from './os/listen-tcp.js';
import { ensureConsul } from './install/system/consul.js';
import { which, withSystemFolders } from './os/which.js';
import { listenUnix } from './os/listen-unix.js';
import { VERSION } from './base/version.js';

const PREFIX = 'socketplane/';
/**
 * A host that says nothing for this long is taken out of the others' data plane. Where Consul is ours, its sessions end within
 * seconds of a host's death, and for a moment also when a server becomes a client, which nobody is to notice; where it
 * is not, they end by their time alone, which is long enough.
 */
const FENCE_MS = { own: 10_000, external: 5_000 };
/** Calls that are under way when the agent is told to stop get this long. */
const DRAIN_MS = 5_000;

/** The composition root of the agent: the one place that knows which stores, datapath and Docker client are in use. */
async function serve(config: AgentConfig, pidFile: string): Promise<void> {
  const log = createLog('agent', config.log);
  // A container's program is held until its network is there, by whoever is first.
  await raisePriority();
  const run = createRun(log);
  const hostId = await readHostId(config.state);
  const docker = createDocker(config.docker, log);
  const runc = createRunc();
  runc.release();
  const underlay = createCell<Underlay | undefined>(undefined);
  const underlays = createUnderlayFinder({ run });
  const external = config.consul;
  const datapath = createOvsDatapath({
    run,
    log,
    bridge: config.bridge,
    kind: config.datapath,
    underlay: () => underlay.value,
  });
  const seat = createSeat();
  const cluster = external ? config.cluster : withBootstrap(config.cluster, process.env);
  const file = createClusterStateFile(config.state);
  const files = consulFiles(config.state, hostPaths.consulSocket);
  const metrics = createAgentMetrics(() => ({
    version: VERSION,
    datapath: datapath.kind,
    node: seat.current?.status(),
    tunnels: datapath.tunnels,
    isMember: membership.status().state === 'member',
    role: external ? 'external' : roleOf(membership.status()),
  }));
  const consul = createConsulAgent({
    files,
    // Whoever makes a host a member wants Consul on it.
    ensureConsul: () =>
      ensureConsul({
        run,
        which: (command) => which(command, withSystemFolders(process.env['PATH'])),
        onFetch: () => log.info('Consul is not installed: fetching it'),
      }),
    run,
    log,
  });
  const host = createHost({
    hostId,
    name: hostname(),
    seat,
    makeNode: (store) => createNode({ store, host: hostId, docker, runc, datapath, run, metrics, log }),
    openEmbedded: async () => measured(await openEmbeddedStore(join(config.state, 'store')), metrics.store),
    openCluster() {
      const cluster = external
        ? openConsul({ ...external, checks: [], log })
        : openConsul({ address: files.socket, prefix: PREFIX, checks: ['serfHealth'], log });
      return { ...cluster, store: measured(cluster.store, metrics.store) };
    },
    address: () => underlay.value?.address,
    terms: { fence: external ? FENCE_MS.external : FENCE_MS.own, grace: cluster.leaseGrace },
    forceLeave: external ? async () => undefined : (id) => consul.api.forceLeave(id),
    log,
  });
  underlay.subscribe(() => void host.moved());
  const part = {
    hostId,
    config: cluster,
    file,
    underlays,
    connect: () => host.connect(),
    underlay,
    log,
  };
  const membership: Membership = external
    ? createExternalMembership({ ...part, name: hostname(), consul: external })
    : createManagedMembership({ ...part, consul, disconnect: () => host.disconnect() });
  const app = createApp({
    routes: agentRoutes({ version: VERSION, config, docker, datapath, seat, membership, metrics, log }),
    current: async () => (await seat.node()).routes,
    log,
  });

  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  // Calls are answered once the node has been looked at: whoever asks gets what is so.
  if (!external && isAlone(cluster, await file.read())) await host.alone();
  else
    await seat.vacate(() => {
      const { problem = 'see `socketplane cluster members`' } = membership.status();
      return `this host waits for cluster ${cluster.name}: ${problem}`;
    });
  const servers: Server[] = [createServer(app)];
  await listenUnix(servers[0]!, config.listen);
  if (config.tcp !== undefined) servers.push(await listenAt(createServer(app), config.tcp));
  const removePidFile = await writePidFile(pidFile);
  log.info('agent is ready', {
    version: VERSION,
    listen: config.listen,
    tcp: config.tcp,
    datapath: datapath.kind,
  });
  await membership.start();

  await stopped;
  log.info('agent stops');
  await Promise.all(servers.map(close));
  await host.close();
  await membership.stop();
  await removePidFile();
}

function roleOf({ state, server }: MembershipStatus): ConsulRole {
  if (state === 'none' || state === 'seeking') return 'none';
  return server ? 'server' : 'client';
}

/** A host that is to be a member waits for its cluster: what it leased meanwhile might be another's there. */
function isAlone({ bootstrap, join: addresses }: ClusterConfig, { member }: ClusterState): boolean {
  return member === undefined && bootstrap === undefined && addresses.length === 0;
}

/** @param address `host:port`, with an IPv6 address in brackets */
async function listenAt(server: Server, address: string): Promise<Server> {
  const { hostname: host, port } = new URL(`http://${address}`);
  await listenTcp(server, { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }, { name: address });
  return server;
}

/** No new calls; those that are under way may finish. */
async function close(server: Server): Promise<void> {
  const drained = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await drained;
  clearTimeout(timer);
}

async function main(): Promise<void> {
  const program = new Command('socketplaned')
    .description('The network agent: one per host, in the foreground.')
    .version(VERSION)
    .option('--config <file>', `configuration (default: ${hostPaths.agentConfig}, if there is one)`)
    .option('--pid-file <file>', 'where to write the process id', hostPaths.agentPid)
    .parse();
  const options = program.opts<{ config?: string; pidFile: string }>();
  try {
    await serve(await readAgentConfig(options.config), options.pidFile);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`socketplaned: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

await main();
