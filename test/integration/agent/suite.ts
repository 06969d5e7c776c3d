import type { Lab } from '../../lab/lab.js';
import { createLab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';

export const WEB = { id: 'web', subnet: '10.50.0.0/16' };

/** A lab with one complete node and the network `web`, for the tests of one file. */
export function useNode(): { lab: () => Lab; node: () => Node } {
  let lab: Lab;
  let node: Node;
  before(async function () {
    this.timeout(120_000);
    lab = await createLab();
    node = await startNode(await lab.addHost());
    await node.api('POST', '/networks', WEB);
  });
  after(async function () {
    this.timeout(120_000);
    await lab.destroy();
  });
  return { lab: () => lab, node: () => node };
}

/** Starts `sleep` in a container and gives its address. */
export async function sleeper(node: Node, name: string, ...options: string[]): Promise<string> {
  await node.sp([
    'run',
    '-d',
    '--stop-signal',
    'KILL',
    '--name',
    name,
    ...options,
    'busybox',
    'sleep',
    '1000',
  ]);
  return addressOf(node, name);
}

export async function addressOf(node: Node, name: string): Promise<string> {
  const { body } = await node.api('GET', `/connections/${name}`);
  return (body as { connection_details?: { ip: string } }).connection_details?.ip ?? '';
}

/** Whether a container has an answer from an address. */
export async function pings(node: Node, from: string, address: string): Promise<boolean> {
  const argv = ['exec', from, 'ping', '-c', '1', '-W', '1', address];
  return (await node.sp(argv, { reject: false })).exitCode === 0;
}
