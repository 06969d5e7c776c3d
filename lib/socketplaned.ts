import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { createApp } from './api/app.js';
import { configurationRoutes } from './api/configuration.js';
import { healthRoutes } from './api/health.js';
import { AGENT_CONFIG, readAgentConfig, type AgentConfig } from './config/agent.js';
import { createOvsDatapath } from './datapath/ovs.js';
import { createDocker } from './docker/dockerode.js';
import { AppError, messageOf } from './errors.js';
import { createRun } from './exec.js';
import { createLog } from './log.js';
import { createNode } from './node.js';
import { writePidFile } from './pid-file.js';
import { createSeat } from './seat.js';
import { openEmbeddedStore } from './store/embedded.js';
import { listenUnix } from './unix-socket.js';
import { VERSION } from './version.js';

const PID_FILE = '/run/socketplane/agent.pid';
/** Calls that are under way when the agent is told to stop get this long. */
const DRAIN_MS = 5_000;

/** The composition root of the agent: the one place that knows which store, datapath and Docker client are in use. */
async function serve(config: AgentConfig, pidFile: string): Promise<void> {
  const log = createLog('agent', config.log);
  const run = createRun(log);
  const stopping = new AbortController();
  const store = await openEmbeddedStore(join(config.state, 'store'));
  const docker = createDocker(config.docker);
  const datapath = createOvsDatapath({ run, log, bridge: config.bridge, kind: config.datapath });
  const seat = createSeat();
  const host = hostname();
  const node = createNode({ store, host, docker, datapath, run, log });
  const app = createApp({
    routes: [
      configurationRoutes({ config, datapath }),
      healthRoutes({ version: VERSION, docker, datapath, store: async () => (await seat.node()).store }),
    ],
    current: async () => (await seat.node()).routes,
    log,
  });

  const stopped = new Promise((resolve) => stopping.signal.addEventListener('abort', resolve));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  // Calls are answered once the node has been looked at: whoever asks gets what is so.
  await node.start([]);
  seat.take(node);
  const servers: Server[] = [createServer(app)];
  await listenUnix(servers[0]!, config.listen);
  if (config.tcp !== undefined) servers.push(await listenTcp(createServer(app), config.tcp));
  const removePidFile = await writePidFile(pidFile);
  log.info('agent is ready', {
    version: VERSION,
    listen: config.listen,
    tcp: config.tcp,
    datapath: datapath.kind,
  });

  await stopped;
  log.info('agent stops');
  await Promise.all(servers.map(close));
  await seat.vacate('the agent stops');
  await store.close();
  await removePidFile();
}

async function listenTcp(server: Server, address: string): Promise<Server> {
  const { hostname: host, port } = new URL(`http://${address}`);
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(new AppError('unavailable', `cannot listen on ${address}: ${messageOf(cause)}`, { cause }));
    server.once('error', refuse);
    server.listen(Number(port), host.replace(/^\[|\]$/g, ''), () => {
      server.off('error', refuse);
      resolve();
    });
  });
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
    .option('--config <file>', `configuration (default: ${AGENT_CONFIG}, if there is one)`)
    .option('--pid-file <file>', 'where to write the process id', PID_FILE)
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
