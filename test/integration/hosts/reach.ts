import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, sleeper } from '../agent/suite.js';
import { PATIENCE_MS } from './suite.js';

/** Of what `GET /networks/<id>` tells. */
interface Use {
  addresses: { used: number; hosts: { name: string; used: number }[] };
}

/** Addresses of `web` that are leased, by name of the host. */
export async function leasesOn(node: Node): Promise<Record<string, number>> {
  const { body } = await node.api('GET', '/networks/web');
  return Object.fromEntries((body as Use).addresses.hosts.map(({ name, used }) => [name, used]));
}

/** Addresses of the hosts to which there are tunnels. */
export async function tunnelsOf(node: Node): Promise<string[]> {
  const list = ['ovs-vsctl', '--bare', '--columns=options', 'find', 'Interface', 'type=vxlan'];
  const { stdout } = await node.run(list);
  return [...stdout.matchAll(/remote_ip="?([\d.]+)/g)].map(([, address]) => address ?? '').sort();
}

/** A refusal for want of Consul takes less than 5 s, and three times that on a busy machine. */
const REFUSAL_MS = 15_000;

/** Runs a container that must fail within 15 s; gives what `docker` printed. */
export async function refused(node: Node, ...options: string[]): Promise<string> {
  const began = performance.now();
  const argv = ['run', '--rm', '-e', 'SP_NETWORK=web', ...options, 'busybox', 'true'];
  const { exitCode, stderr } = await node.sp(argv, { reject: false });
  expect(exitCode, stderr).to.equal(125);
  expect(performance.now() - began, 'ms until it failed').to.be.below(REFUSAL_MS);
  return stderr;
}

/** A container that runs at last, and its address: where Consul's servers change, there is no leader for a moment. */
export async function startAtLast(node: Node, name: string, ...options: string[]): Promise<string> {
  await until(
    `${name} to start`,
    async () => {
      await node.sp(['rm', '-f', name], { reject: false });
      return sleeper(node, name, '-e', 'SP_NETWORK=web', ...options);
    },
    PATIENCE_MS,
  );
  return addressOf(node, name);
}

/** Containers by name, and where they run. */
export type Places = Record<string, Node>;

/** Waits until each of the containers, or each of `some`, reaches all others by name. */
export async function untilAllReach(places: Places, some?: string[]): Promise<void> {
  const names = Object.keys(places).join(' ');
  const each = `for name in ${names}; do ping -c 1 -W 1 $name >/dev/null || { echo $name; exit 1; }; done`;
  const reachesAll = async ([from, node]: [string, Node]) => {
    const { stdout, exitCode } = await node.sp(['exec', from, 'sh', '-c', each], { reject: false });
    if (exitCode !== 0) throw new Error(`${from} does not reach ${stdout}`);
    return true;
  };
  const wait = (place: [string, Node]) =>
    until(`${place[0]} to reach all`, () => reachesAll(place), PATIENCE_MS);
  const asking = Object.entries(places).filter(([name]) => some?.includes(name) ?? true);
  await Promise.all(asking.map(wait));
}
