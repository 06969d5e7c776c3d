import { expect } from 'chai';
import type { Lab } from '../../lab/lab.js';
import { createLab, START_MS } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';

/** A case with several waits, on a busy machine. */
export const CASE_MS = 300_000;

export const WEB = { id: 'web', subnet: '10.50.0.0/16' };

/** A lab with one complete node and the network `web`, for the tests of one file. */
export function useNode(): { lab: () => Lab; node: () => Node } {
  let lab: Lab;
  let node: Node;
  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    node = await startNode(await lab.addHost());
    await node.api('POST', '/networks', WEB);
  });
  after(async function () {
    this.timeout(START_MS);
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

const NOTHING = { leases: 0, ports: [], flows: 0, links: [] };

/** Nothing of ours is left of any container. */
export async function expectNothingLeft(node: Node): Promise<void> {
  expect(await node.traces()).to.deep.equal(NOTHING);
}

/** For what is taken away behind the user's command. */
export const untilNothingIsLeft = (node: Node) =>
  until('nothing to be left', () => expectNothingLeft(node).then(() => true));

/** Whether a container has an answer from an address within a second: for what is asked again, or is not to be there. */
export async function pings(node: Node, from: string, address: string, seconds = 1): Promise<boolean> {
  const argv = ['exec', from, 'ping', '-c', '1', '-W', String(seconds), address];
  return (await node.sp(argv, { reject: false })).exitCode === 0;
}

/** Whether the one packet that is sent is answered, however late that is on a busy machine. */
export const firstPacketReaches = (node: Node, from: string, address: string) =>
  pings(node, from, address, 20);
