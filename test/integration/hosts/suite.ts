import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { printLogsOfFailures } from '../../lab/logs-of-failures.js';
import { CONSUL_SOCKET, startNode, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';

/** What several hosts have to agree on takes as long as Consul's elections do on a busy machine. */
export const PATIENCE_MS = 120_000;
/** A case of several steps, each of which waits at most {@link PATIENCE_MS}. */
export const STORY_MS = 600_000;

export interface Member {
  id: string;
  name: string;
  address: string;
  server: boolean;
  state: string;
}

export interface Cluster {
  lab: () => Lab;
  nodes: () => Node[];
  /** Everything on a host again after its reboot. */
  restart: (node: Node) => Promise<void>;
}

/**
 * A lab with complete nodes of one cluster, which find each other by multicast DNS.
 *
 * @param settings the part `cluster` of their agent.yml
 */
export function useCluster(count: number, settings: Record<string, unknown> = {}): Cluster {
  let lab: Lab;
  const nodes: Node[] = [];
  const environment = (index: number) => ({ BOOTSTRAP: index === 0 ? 'true' : 'false' });
  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    for (let number = 0; number < count; number++) {
      const { file } = await lab.addHost();
      await writeFile(file('/etc/socketplane/agent.yml'), JSON.stringify({ cluster: settings }));
    }
    nodes.push(...(await Promise.all(lab.hosts.map((host, index) => startNode(host, environment(index))))));
    await untilMembers(nodes, count);
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });
  printLogsOfFailures(() => nodes);
  return {
    lab: () => lab,
    nodes: () => nodes,
    async restart(node) {
      await node.reboot();
      await startNode(node, environment(nodes.indexOf(node)));
    },
  };
}

export async function membersOf(node: Node): Promise<Member[]> {
  const { body } = await node.api('GET', '/cluster');
  return (body as { members: Member[] }).members;
}

/** Waits until each of the hosts sees so many that take part. */
export async function untilMembers(nodes: Node[], count: number, timeout = PATIENCE_MS): Promise<void> {
  for (const node of nodes) {
    await until(
      `${count} members on ${node.name}`,
      async () => (await membersOf(node)).filter(({ state }) => state === 'up').length === count,
      timeout,
    );
  }
}

/** Makes a network and waits until each host has heard of it. */
export async function createNetwork(nodes: Node[], id: string, subnet: string): Promise<void> {
  await nodes[0]!.api('POST', '/networks', { id, subnet });
  for (const node of nodes) {
    await until(
      `network ${id} on ${node.name}`,
      async () => (await node.api('GET', `/networks/${id}`)).status === 200,
      PATIENCE_MS,
    );
  }
}

/** The address that answers a container for each name, by one ping; '' for none. */
export async function answering(node: Node, from: string, names: string[]): Promise<string[]> {
  const script =
    'for name; do ping -c 1 -W 20 $name | sed -n "s/^64 bytes from \\([^:]*\\).*/\\1/p" | grep . || echo; done';
  const { stdout } = await node.sp(['exec', from, 'sh', '-c', script, 'sh', ...names]);
  return stdout.split('\n');
}

/** Waits until no host, nor the store, has anything of a container any more. */
export async function untilNothingIsLeft(nodes: Node[]): Promise<void> {
  const nothing = { leases: 0, ports: [], flows: 0, links: [] };
  for (const node of nodes) {
    let left: unknown;
    await until(
      () => `nothing to be left on ${node.name}, where there is ${JSON.stringify(left)}`,
      async () => {
        left = await node.traces();
        return JSON.stringify(left) === JSON.stringify(nothing);
      },
      PATIENCE_MS,
    );
  }
  const [first] = nodes;
  expect(await first!.storedKeys('data/blocks/')).to.deep.equal([]);
  await until(
    'the feed of changes to be collected',
    async () => (await first!.storedKeys('feed/')).length < 40,
    PATIENCE_MS,
  );
}

export async function askConsul(node: Node, path: string): Promise<unknown> {
  const { status, text } = await node.ask(CONSUL_SOCKET, 'GET', `/v1/${path}`);
  if (status >= 400) throw new Error(`Consul on ${node.name}: ${text}`);
  return JSON.parse(text);
}

/** Waits until three servers have a vote: not before may one of them fail. */
export async function untilVoters(node: Node): Promise<void> {
  await until(
    'three servers with a vote',
    async () => {
      const { Servers } = (await askConsul(node, 'operator/raft/configuration')) as {
        Servers: { Voter: boolean }[];
      };
      return Servers.filter(({ Voter }) => Voter).length === 3;
    },
    PATIENCE_MS,
  );
}
