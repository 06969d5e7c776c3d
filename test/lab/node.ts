import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';
import type { CommandOptions, Result } from './process.js';

const ROOT = join(import.meta.dirname, '../..');
export const PROXY_SOCKET = 'unix:///run/socketplane/docker.sock';
export const AGENT_SOCKET = '/run/socketplane/agent.sock';
export const CONSUL_SOCKET = '/run/socketplane/consul.sock';
export const PLUGIN_SOCKET = '/run/docker/plugins/socketplane.sock';
/** Cookies of rules for containers, on this host and on others. */
const OF_ENDPOINTS = /cookie=0x[35]0/;

/** A lab host with Docker, Open vSwitch, agent and proxy on it, as on a user's host. */
export type Node = Host & ReturnType<typeof productOn>;

/**
 * Starts everything on a host. Runs the built product, not its sources.
 *
 * @param environment of the agent: `BOOTSTRAP`
 */
export async function startNode(host: Host, environment: Record<string, string> = {}): Promise<Node> {
  const node = Object.assign(host, productOn(host, environment));
  // Docker asks for it while it starts, if it knows networks of ours.
  await node.startPlugin();
  await Promise.all([host.startDocker(), host.startOvs()]);
  await Promise.all([host.importBusybox(), node.startAgent(), node.startProxy()]);
  return node;
}

/** The process that holds Docker's plugin socket, which is the host's own as all of `/run`; it needs nothing else. */
export async function startPlugin(host: Host): Promise<void> {
  await host.start('plugin', ['node', join(ROOT, 'dist/lib/plugin-socket.js')]);
  await host.ready('plugin', async () => {
    const { status } = await host.ask(PLUGIN_SOCKET, 'POST', '/Plugin.Activate');
    return status === 200;
  });
}

function productOn(host: Host, environment: Record<string, string>) {
  return {
    startPlugin: () => startPlugin(host),
    async startAgent(): Promise<void> {
      await host.start('agent', ['node', join(ROOT, 'dist/lib/socketplaned.js')], environment);
      await host.ready('agent', { socket: AGENT_SOCKET, path: '/v0.1/networks' });
    },
    async startProxy(): Promise<void> {
      await host.start('proxy', [
        'node',
        join(ROOT, 'dist/lib/powerstrip.js'),
        '--config',
        join(ROOT, 'proxy.yml'),
      ]);
      await host.ready('proxy', { socket: '/run/socketplane/docker.sock', path: '/_ping' });
    },
    /** The stock `docker` through the proxy. */
    sp: (args: string[], options?: CommandOptions): Promise<Result> =>
      host.run(['docker', '-H', PROXY_SOCKET, ...args], options),
    /** Makes a call to the agent's REST API; returns its status and parsed body. */
    async api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const { status, json } = await host.ask(AGENT_SOCKET, method, `/v0.1${path}`, text);
      return { status, body: json };
    },
    /** Everything of SocketPlane's that a container leaves behind if it is not cleaned up. */
    async traces(): Promise<{ leases: number; ports: string[]; flows: number; links: string[] }> {
      const lines = async (...argv: string[]) => (await host.run(argv)).stdout.split('\n').filter(Boolean);
      const { body: cluster } = await this.api('GET', '/cluster');
      const { body: leases } = await this.api('GET', '/leases');
      const own = (leases as { host: string }[]).filter(
        ({ host: id }) => id === (cluster as { id: string }).id,
      );
      const flows = await lines('ovs-ofctl', '-O', 'OpenFlow14', '--no-stats', 'dump-flows', 'docker0-ovs');
      const links = await lines('ip', '-o', 'link');
      return {
        leases: own.length,
        ports: (await lines('ovs-vsctl', 'list-ports', 'docker0-ovs')).filter((name) =>
          name.startsWith('ovs'),
        ),
        flows: flows.filter((flow) => OF_ENDPOINTS.test(flow)).length,
        links: links
          .map((line) => line.split(': ')[1] ?? '')
          .filter((name) => /^ov[sp][0-9a-f]{8}/.test(name)),
      };
    },
    /** Keys that the cluster has in Consul, without their common prefix. */
    async storedKeys(prefix: string): Promise<string[]> {
      const { json } = await host.ask(CONSUL_SOCKET, 'GET', `/v1/kv/socketplane/${prefix}?keys`);
      // Consul's answer is empty where there are none.
      return ((json ?? []) as string[]).map((key) => key.slice('socketplane/'.length));
    },
    agentLog: () => readFile(host.file('/run/lab-agent.log'), 'utf8'),
  };
}
