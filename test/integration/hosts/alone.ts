import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { printLogsOfFailures } from '../../lab/logs-of-failures.js';
import { AGENT_SOCKET, startNode, type Node } from '../../lab/node.js';

const AGENT = join(import.meta.dirname, '../../../dist/lib/socketplaned.js');
const COMMAND = join(import.meta.dirname, '../../../dist/lib/cli/main.js');

/** Nodes that are alone and hear no multicast DNS: what else they become, commands make them. */
export function useAlone(count: number): { lab: () => Lab; nodes: () => Node[] } {
  let lab: Lab;
  const nodes: Node[] = [];
  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    for (let number = 0; number < count; number++) await lab.addHost();
    await Promise.all(lab.hosts.map((host) => configure(host, { cluster: { mdns: false } })));
    nodes.push(...(await Promise.all(lab.hosts.map((host) => startNode(host)))));
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });
  printLogsOfFailures(() => nodes);
  return { lab: () => lab, nodes: () => nodes };
}

/** Writes the agent's configuration, for its next start. */
export function configure(host: Host, config: Record<string, unknown>): Promise<void> {
  return writeFile(host.file('/etc/socketplane/agent.yml'), JSON.stringify(config));
}

/** Starts an agent that may have to wait for its cluster. */
export async function startWaitingAgent(node: Node): Promise<void> {
  await node.start('agent', ['node', AGENT]);
  await node.ready('agent', { socket: AGENT_SOCKET, path: '/v0.1/cluster' });
}

/** `socketplane cluster …` as a user types it; gives what it prints. */
export async function cluster(node: Node, ...args: string[]): Promise<string> {
  const result = await node.run(['node', COMMAND, 'cluster', ...args], { reject: false });
  expect(result.exitCode, `cluster ${args.join(' ')}: ${result.stderr}`).to.equal(0);
  return result.stdout;
}

/** One that must fail; gives the one line that it says. */
export async function clusterFails(node: Node, ...args: string[]): Promise<string> {
  const result = await node.run(['node', COMMAND, 'cluster', ...args], { reject: false });
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
