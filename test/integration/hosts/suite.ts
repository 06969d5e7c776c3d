import { createLab, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { until } from '../../lab/process.js';

export interface Member {
  id: string;
  name: string;
  address: string;
  server: boolean;
  state: string;
}

/** A lab with complete nodes of one cluster, which find each other by multicast DNS. */
export function useCluster(count: number): { lab: () => Lab; nodes: () => Node[] } {
  let lab: Lab;
  const nodes: Node[] = [];
  before(async function () {
    this.timeout(120_000);
    lab = await createLab();
    for (let number = 0; number < count; number++) await lab.addHost();
    const start = (index: number) =>
      startNode(lab.hosts[index]!, { BOOTSTRAP: index === 0 ? 'true' : 'false' });
    nodes.push(...(await Promise.all(lab.hosts.map((_, index) => start(index)))));
    await untilMembers(nodes, count);
  });
  after(async function () {
    this.timeout(60_000);
    await lab.destroy();
  });
  return { lab: () => lab, nodes: () => nodes };
}

export async function membersOf(node: Node): Promise<Member[]> {
  const { body } = await node.api('GET', '/cluster');
  return (body as { members: Member[] }).members;
}

/** Waits until each of the hosts sees so many that take part. */
export async function untilMembers(nodes: Node[], count: number, timeout = 30_000): Promise<void> {
  for (const node of nodes) {
    await until(
      `${count} members on ${node.name}`,
      async () => (await membersOf(node)).filter(({ state }) => state === 'up').length === count,
      timeout,
    );
  }
}
