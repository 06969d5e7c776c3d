import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { tail } from '../../lab/process.js';
import { until } from '../../support/until.js';

const AGENT = join(import.meta.dirname, '../../../dist/lib/socketplaned.js');
const COMMAND = join(import.meta.dirname, '../../../dist/lib/cli/main.js');

/** Nodes that are alone and hear no multicast DNS: what else they become, commands make them. */
export function useAlone(count: number): { lab: () => Lab; nodes: () => Node[] } {
  let lab: Lab;
  const nodes: Node[] = [];
  before(async function () {
    this.timeout(120_000);
    lab = await createLab();
    for (let number = 0; number < count; number++) await lab.addHost();
    await Promise.all(lab.hosts.map((host) => configure(host, { cluster: { mdns: false } })));
    nodes.push(...(await Promise.all(lab.hosts.map((host) => startNode(host)))));
  });
  after(async function () {
    this.timeout(120_000);
    await lab.destroy();
  });
  return { lab: () => lab, nodes: () => nodes };
}

/** Writes the agent's configuration, for its next start. */
export function configure(host: Host, config: Record<string, unknown>): Promise<void> {
  return writeFile(host.file('/etc/socketplane/agent.yml'), JSON.stringify(config));
}

/** Starts an agent that may have to wait for its cluster. */
export async function startWaitingAgent(node: Node): Promise<void> {
  await node.start('agent', ['node', AGENT]);
  const socket = ['--unix-socket', '/run/socketplane/agent.sock'];
  await node.ready('agent', ['curl', '-fsS', ...socket, 'http://agent/v0.1/cluster']);
}

/** `socketplane cluster …` as a user types it; gives what it prints. */
export async function cluster(node: Node, ...args: string[]): Promise<string> {
  const result = await node.run(['node', COMMAND, 'cluster', ...args], { reject: false, timeout: 100_000 });
  expect(result.exitCode, `cluster ${args.join(' ')}: ${result.stderr}`).to.equal(0);
  return result.stdout;
}

/** One that must fail; gives the one line that it says. */
export async function clusterFails(node: Node, ...args: string[]): Promise<string> {
  const result = await node.run(['node', COMMAND, 'cluster', ...args], { reject: false, timeout: 100_000 });
  expect(result.exitCode, `cluster ${args.join(' ')}: ${result.stdout}`).to.equal(1);
  expect(result.stderr).to.match(/^socketplane: [^\n]+$/);
  return result.stderr.replace('socketplane: ', '');
}

/** The networks that a host knows of, by name. */
export async function networksOf(node: Node): Promise<Record<string, string>> {
  const { body } = await node.api('GET', '/networks');
  return Object.fromEntries(
    (body as { id: string; subnet: string }[]).map(({ id, subnet }) => [id, subnet] as const),
  );
}

/** The far ends of a host's tunnels. */
export async function tunnelsOf(node: Node): Promise<string[]> {
  const argv = ['ovs-vsctl', '--format=json', '--columns=options', 'find', 'Interface', 'type=vxlan'];
  const { stdout } = await node.run(argv);
  return [...stdout.matchAll(/"remote_ip","([\d.]+)"/g)].map(([, address = '']) => address).sort();
}

export interface SteadyPing {
  /** Waits for another answer, ends, and gives how many pings had none. */
  lost(): Promise<number>;
}

/** Ten pings a second out of a container, past everything that may be stopped meanwhile. */
export async function steadyPing(node: Node, from: string, address: string): Promise<SteadyPing> {
  const { stdout: pid } = await node.docker('inspect', '-f', '{{.State.Pid}}', from);
  const daemon = `ping-${from}-${address}-${Date.now()}`;
  await node.start(daemon, ['nsenter', '-t', pid, '--net', 'busybox', 'ping', '-i', '0.1', address]);
  return {
    async lost() {
      const argv = ['nsenter', '-t', pid, '--net', 'busybox', 'ping', '-c', '1', '-W', '5', address];
      await node.run(argv, { reject: false });
      const log = node.file(`/run/lab-${daemon}.log`);
      if (!node.isRunning(daemon)) throw new Error(`ping has ended: ${await tail(log)}`);
      process.kill(await node.pidOf(daemon), 'SIGINT');
      await until('the end of ping', async () => !node.isRunning(daemon));
      const text = await readFile(log, 'utf8');
      const answered = [...text.matchAll(/ seq=(\d+) /g)].map(([, number]) => Number(number));
      const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1]);
      // The last one may have been under way.
      return Math.max(sent - 1, (answered.at(-1) ?? 0) + 1) - new Set(answered).size;
    },
  };
}
