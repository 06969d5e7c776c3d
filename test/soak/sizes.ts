import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '../lab/node.js';

const DAEMONS = ['agent', 'proxy', 'plugin', 'dockerd', 'ovs-vswitchd'];
/** Of ours, whose growth is a finding. */
const OURS = /^(agent|proxy|plugin|Consul) /;
const GROWTH = 0.1;
/** KiB. A heap of V8's grows by such steps. */
const STEP = 6 * 1_024;
/** Connections that happen to be open. */
const DESCRIPTORS = 8;

/** What a process takes. */
export interface Size {
  process: string;
  pid: number;
  /** Resident, KiB. */
  memory: number;
  descriptors: number;
}

/** What the daemons of a host take now. */
export async function sizesOn(node: Node): Promise<Size[]> {
  return Promise.all([...DAEMONS.map((daemon) => ofDaemon(node, daemon)), ofConsul(node)]);
}

async function ofDaemon(node: Node, daemon: string): Promise<Size> {
  const pid = await node.pidOf(daemon);
  const proc = join('/proc', String(pid));
  const memory = residentIn(await readFile(join(proc, 'status'), 'utf8'));
  const descriptors = (await readdir(join(proc, 'fd'))).length;
  return { process: `${daemon} on ${node.name}`, pid, memory, descriptors };
}

/** Its process was not started from here, and has the number in its pid file only in its own host. */
async function ofConsul(node: Node): Promise<Size> {
  const { stdout: pid } = await node.run(['cat', '/var/lib/socketplane/consul/consul.pid']);
  const { stdout: status } = await node.run(['cat', `/proc/${pid}/status`]);
  const { stdout: descriptors } = await node.run(['ls', '-1', `/proc/${pid}/fd`]);
  const process = `Consul on ${node.name}`;
  return {
    ...{ process, pid: Number(pid), memory: residentIn(status) },
    descriptors: descriptors.split('\n').length,
  };
}

const residentIn = (status: string) => Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);

/** Which of our processes have grown, or were not there before, in words: nobody has ended any in between. */
export function growths(before: readonly Size[], after: readonly Size[]): string[] {
  return after.flatMap(({ process, pid, memory, descriptors }) => {
    if (!OURS.test(process)) return [];
    const earlier = before.find((size) => size.process === process && size.pid === pid);
    if (!earlier) return [`${process} ended by itself, and was started again`];
    const found: string[] = [];
    if (memory > earlier.memory * (1 + GROWTH) + STEP)
      found.push(`${process} has grown from ${mebi(earlier.memory)} to ${mebi(memory)} MiB`);
    if (descriptors > earlier.descriptors + DESCRIPTORS)
      found.push(`${process} had ${earlier.descriptors} descriptors, and has ${descriptors}`);
    return found;
  });
}

export const mebi = (kibi: number): string => (kibi / 1_024).toFixed(1);
