import type { Datapath } from '../../lib/datapath/datapath.js';
import { ALONE, createContainers, datapathOn, endpoint, WEB } from '../integration/datapath/suite.js';
import type { Host } from '../lab/host.js';
import { createNamespace, type Namespace } from '../lab/namespace.js';
import { command } from '../lab/process.js';
import type { Path } from './net-load.js';

export const SWARM_NETWORK = 'swarm';
/** Not VXLAN's own port, which Open vSwitch may hold. */
const SWARM_PORT = '4790';

/** SocketPlane's networks, on one host and on two, and what Open vSwitch achieves without our rules. */
export async function ourPaths(one: Host, two: Host): Promise<{ kind: string; near: Path[]; far: Path[] }> {
  await Promise.all([one.startOvs(), two.startOvs()]);
  const containers = createContainers();
  const paths = [datapathOn(one), datapathOn(two)] as [Datapath, Datapath];
  for (const path of paths) await path.sync([WEB], () => undefined, ALONE);
  const [a, b, c] = [endpoint(2, WEB), endpoint(3, WEB), endpoint(4, WEB)];
  const [from, near, far] = [
    await containers.attach(paths[0], a),
    await containers.attach(paths[0], b),
    await containers.attach(paths[1], c),
  ];
  await paths[0].ensurePeer(two.address);
  await paths[0].applyRemotes({ put: [{ ...c, peer: two.address }], drop: [] });
  await paths[1].ensurePeer(one.address);
  await paths[1].applyRemotes({ put: [a, b].map((target) => ({ ...target, peer: one.address })), drop: [] });
  const { kind = 'userspace' } = paths[0];
  return {
    kind,
    near: [await normalPath(one, kind), { name: 'SocketPlane', from, to: near, address: b.ip }],
    far: [
      { name: 'underlay of Open vSwitch (br-phy)', from: one, to: two, address: two.address },
      { name: 'SocketPlane', from, to: far, address: c.ip },
    ],
  };
}

/** Two ports on a bridge that learns and switches by itself. */
async function normalPath(host: Host, kind: Datapath['kind']): Promise<Path> {
  const type = `datapath_type=${kind === 'kernel' ? 'system' : 'netdev'}`;
  await host.run(['ovs-vsctl', 'add-br', 'normal', '--', 'set', 'bridge', 'normal', type]);
  const [from, to] = [await normalEnd(host, 1), await normalEnd(host, 2)];
  return { name: 'Open vSwitch, action NORMAL', from, to, address: '10.99.0.2' };
}

async function normalEnd(host: Host, number: number): Promise<Namespace> {
  const namespace = await createNamespace(['--net'], ['sleep', 'infinity']);
  const port = `normal${number}`;
  // Runs in the host's network, but with the process ids seen from here.
  const ip = (...args: string[]) =>
    command(['nsenter', '-t', String(host.namespace.pid), '--net', 'ip', 'link', ...args]);
  await ip(
    'add',
    port,
    'mtu',
    '1450',
    'up',
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    String(namespace.pid),
  );
  await host.run(['ovs-vsctl', 'add-port', 'normal', port]);
  await namespace.run(['ip', '-batch', '-'], {
    input: `address add 10.99.0.${number}/24 dev eth0\nlink set eth0 mtu 1450 up`,
  });
  await namespace.run(['ethtool', '-K', 'eth0', 'tx', 'off']);
  return namespace;
}

/**
 * Docker's own networks: its bridge on one host, Swarm's overlay on two. Beside them the bare underlay, through the kernel.
 */
export async function dockerPaths(one: Host, two: Host): Promise<{ near: Path[]; far: Path[] }> {
  for (const host of [one, two]) {
    await host.startDocker();
    await host.importBusybox();
  }
  await joinSwarm(one, two);
  const [a, b] = [await sleeper(one, 'bridge'), await sleeper(one, 'bridge')];
  const [c, d] = [await sleeper(one, SWARM_NETWORK), await sleeper(two, SWARM_NETWORK)];
  return {
    near: [{ name: "Docker's bridge", from: a, to: b, address: b.address }],
    far: [
      { name: 'bare underlay', from: one, to: two, address: two.address },
      { name: "Swarm's overlay", from: c, to: d, address: d.address },
    ],
  };
}

/** Joins hosts on which Docker runs into one Swarm, with a network that containers may use. */
export async function joinSwarm(one: Host, ...others: Host[]): Promise<void> {
  await one.docker('swarm', 'init', '--advertise-addr', one.address, '--data-path-port', SWARM_PORT);
  const { stdout: token } = await one.docker('swarm', 'join-token', '-q', 'worker');
  for (const other of others) {
    const join = ['--advertise-addr', other.address, '--token', token, `${one.address}:2377`];
    await other.docker('swarm', 'join', ...join);
  }
  await one.docker('network', 'create', '-d', 'overlay', '--attachable', SWARM_NETWORK);
}

/** A container, and a way to run the host's commands in its network. */
async function sleeper(host: Host, network: string) {
  const { stdout: id } = await host.docker('run', '-d', '--network', network, 'busybox', 'sleep', '1000');
  const format = `{{.State.Pid}} {{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  const { stdout } = await host.docker('inspect', '-f', format, id);
  const [pid = '', address = ''] = stdout.split(' ');
  const enter = ['nsenter', '-t', pid, '--net'];
  const run: Namespace['run'] = (argv, options) => host.run([...enter, ...argv], options);
  const spawn: Namespace['spawn'] = (argv, options) => host.spawn([...enter, ...argv], options);
  return { address, run, spawn };
}
