import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { runCli } from '../../../lib/cli/cli.js';
import type { Context } from '../../../lib/cli/context.js';

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** A folder with a socket path each for agent and proxy, and the command run against them in this process. */
export async function createBench() {
  const folder = await mkdtemp(join(tmpdir(), 'socketplane-cli-'));
  await mkdir(join(folder, 'logs'));
  const paths = {
    agentSocket: join(folder, 'agent.sock'),
    agentPid: join(folder, 'agent.pid'),
    driverSocket: join(folder, 'driver.sock'),
    pluginSocket: join(folder, 'plugins/socketplane.sock'),
    pluginPid: join(folder, 'plugin.pid'),
    namesSocket: join(folder, 'names.sock'),
    consulSocket: join(folder, 'consul.sock'),
    consulRequests: join(folder, 'consul.requests'),
    proxySocket: join(folder, 'docker.sock'),
    proxyPid: join(folder, 'proxy.pid'),
    traceSocket: join(folder, 'trace.sock'),
    dockerSocket: join(folder, 'real-docker.sock'),
    settings: join(folder, 'settings'),
    agentConfig: join(folder, 'settings/agent.yml'),
    proxyConfig: join(folder, 'settings/proxy.yml'),
    state: join(folder, 'state'),
    boot: join(folder, 'boot'),
    logs: join(folder, 'logs'),
    installRecord: join(folder, 'install.json'),
  };
  const servers: Server[] = [];
  return {
    folder,
    paths,
    async cli(...argv: string[]): Promise<Outcome> {
      return run(argv, { paths });
    },
    async cliWith(changes: Partial<Context>, ...argv: string[]): Promise<Outcome> {
      return run(argv, { paths, ...changes });
    },
    async listen(app: express.Express, socket: string): Promise<void> {
      const server = createServer(app);
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      servers.push(server);
    },
    async close(): Promise<void> {
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
      await rm(folder, { recursive: true });
    },
  };
}
export type Bench = Awaited<ReturnType<typeof createBench>>;

async function run(argv: string[], changes: Partial<Context> & Pick<Context, 'paths'>): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const status = await runCli({
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    env: { PATH: process.env['PATH'] },
    uid: 0,
    argv,
    command: 'socketplane',
    ...changes,
  });
  return { status, stdout, stderr };
}

const CONTAINER = 'a1b2c3d4e5f6'.padEnd(64, '0');

export const LEASE = {
  ...{ network: 'default', ip: '10.1.0.2', container: CONTAINER, kept: true, names: ['con1'] },
  ...{ host: 'a', up: true, time: '2026-01-01T00:00:00.000Z' },
};

/**
 * A server with the agent's REST API and a memory: networks that can be made and removed, and one container.
 *
 * @param asked gets the bodies of calls that make networks
 */
export function fakeAgent({ docker = 'ok', asked = [] as unknown[] } = {}): express.Express {
  const networks = new Map([['default', network('default', '10.1.0.0/16', 1)]]);
  const connection = {
    container_id: CONTAINER,
    container_name: 'con1',
    container_pid: '42',
    network: 'default',
    ovs_port_id: 'ovsa1b2c3d4',
    connection_details: {
      name: 'ovsa1b2c3d4',
      ip: '10.1.0.2',
      subnet: '10.1.0.0/16',
      mac: '02:42:0a:01:00:02',
      gateway: '10.1.0.1',
    },
    state: 'up',
  };
  const app = express();
  const api = express.Router();
  app.use(express.json());
  app.use('/v0.1', api);
  api.get('/networks', (_request, response) => void response.json([...networks.values()]));
  api.post('/networks', (request, response) => {
    const { id, subnet = '10.42.0.0/16' } = request.body as { id: string; subnet?: string };
    asked.push(request.body);
    if (networks.has(id)) {
      response.status(409).json({ message: `network "${id}" exists already` });
      return;
    }
    networks.set(id, network(id, subnet, networks.size + 1));
    response.status(201).json(networks.get(id));
  });
  api.get('/networks/:id', ({ params: { id } }, response) => {
    const found = networks.get(id);
    if (!found) response.status(404).json({ message: `network "${id}" not found` });
    else
      response.json({
        ...found,
        addresses: { total: 65533, used: id === 'default' ? 1 : 0, hosts: [] },
        connections: id === 'default' ? ['con1'] : [],
      });
  });
  api.delete('/networks/:id', ({ params: { id } }, response) => {
    if (id === 'default') response.status(409).json({ message: 'the default network cannot be removed' });
    else if (!networks.delete(id)) response.status(404).json({ message: `network "${id}" not found` });
    else response.status(204).end();
  });
  api.get('/connections', (_request, response) => void response.json([connection]));
  api.get('/connections/:id', ({ params: { id } }, response) => {
    if (id === 'con1' || CONTAINER.startsWith(id)) response.json(connection);
    else response.status(404).json({ message: `container "${id}" not found` });
  });
  api.get('/leases', (_request, response) => void response.json([LEASE]));
  api.post('/restore', (request, response) => {
    asked.push(request.body);
    const { networks: nets, leases } = request.body as { networks: { id: string }[]; leases: object[] };
    response.json({
      networks: { made: nets.map(({ id }) => id), there: [] },
      addresses: { made: leases.length, there: 0, lost: [] },
    });
  });
  addCluster(api);
  api.get('/healthz', (_request, response) => {
    const ok = docker === 'ok';
    response
      .status(ok ? 200 : 503)
      .json({ status: ok ? 'ok' : 'degraded', version: '0.1.0', docker, ovs: 'ok (userspace)', store: 'ok' });
  });
  return app;
}

function network(id: string, subnet: string, vni: number) {
  return { id, subnet, gateway: subnet.replace(/\.0\/.*/, '.1'), vni };
}

/** A cluster that this host begins or joins, and leaves. */
function addCluster(api: express.Router): void {
  const joined = '2026-01-01T00:00:00.000Z';
  const self = {
    id: 'a',
    name: 'h1',
    address: '192.0.2.1',
    joined,
    version: '0.1.0',
    server: true,
    state: 'up',
  };
  let cluster = { state: 'none', interface: 'eth0', members: [] as (typeof self)[] };
  const answer = () => ({
    ...cluster,
    id: 'a',
    name: 'socketplane',
    server: true,
    address: '192.0.2.1',
    vxlanPort: 7000,
  });
  api.get('/cluster', (_request, response) => void response.json(answer()));
  api.post('/cluster/:what', ({ params: { what }, query }, response) => {
    const address = typeof query['address'] === 'string' ? query['address'] : '192.0.2.2';
    if (address === 'nonsense') {
      response.status(400).json({ message: 'bad request: address: expected an IPv4 address' });
      return;
    }
    const other = { id: 'b', name: 'h2', address, joined, version: '', server: false, state: 'silent' };
    if (what === 'leave') cluster = { ...cluster, state: 'none', members: [] };
    else if (what === 'bind')
      cluster = {
        ...cluster,
        state: 'seeking',
        interface: typeof query['iface'] === 'string' ? query['iface'] : '',
      };
    else cluster = { ...cluster, state: 'member', members: what === 'join' ? [self, other] : [self] };
    response.json(answer());
  });
}
