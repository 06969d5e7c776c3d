import type { Datapath } from '../../../lib/datapath/datapath.js';
import { peerName } from '../../../lib/datapath/device-names.js';
import { createOvsDatapath } from '../../../lib/datapath/ovs.js';
import { createRun, type Run } from '../../../lib/os/exec.js';
import { SYSTEM_BUS } from '../../../lib/os/system-bus.js';
import { silentLog } from '../../../lib/base/log.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import type { Host } from '../../lab/host.js';
import { createNamespace, type Namespace } from '../../lab/namespace.js';
import { until } from '../../support/until.js';

export const WEB: Network = { id: 'web', subnet: '10.50.0.0/16', gateway: '10.50.0.1', vni: 7 };
export const DB: Network = { id: 'db', subnet: '10.60.0.0/16', gateway: '10.60.0.1', vni: 8 };
export const ALONE = { peers: [], remotes: [] };

export function endpoint(n: number, network: Network): Endpoint {
  const ip = network.gateway.replace(/\d+$/, String(n));
  const id = (network.vni * 256 + n).toString(16).padStart(8, '0').padEnd(64, 'a');
  return { id, network, ip, mac: macOf(ip) };
}

/** Where each data plane is. */
const hosts = new WeakMap<Datapath, Host>();

/** The data plane of a host, driven from here. */
export function datapathOn(host: Host): Datapath {
  const run = runIn(host);
  const datapath = createOvsDatapath({
    run,
    readRoutes: () => run(['cat', '/proc/net/route']),
    log: silentLog,
    bridge: 'docker0-ovs',
    kind: 'auto',
    runFolder: host.file('/run/openvswitch'),
    systemBus: host.file(SYSTEM_BUS),
  });
  hosts.set(datapath, host);
  return datapath;
}

/** Commands of the datapath, in the host's network but with the paths of this process. */
export function runIn(host: Host): Run {
  const run = createRun(silentLog);
  const sockets = `OVS_RUNDIR=${host.file('/run/openvswitch')}`;
  return (argv, options) => {
    const enter = ['nsenter', '-t', String(host.namespace.pid), '--net', 'env', sockets] as const;
    return run([...enter, ...argv], options);
  };
}

/** Does what Docker does with the other end of an endpoint's link: it becomes `eth0` in the container's namespace. */
export async function plug(run: Run, target: Endpoint, port: string, container: Namespace): Promise<void> {
  await run(['ip', 'link', 'set', peerName(port), 'netns', String(container.pid), 'name', 'eth0']);
  const { ip, mac, network } = target;
  const prefix = network.subnet.split('/')[1];
  const lines = [
    `link set eth0 address ${mac} up`,
    `address add ${ip}/${prefix} dev eth0`,
    `route add default via ${network.gateway} dev eth0`,
  ];
  await container.run(['ip', '-batch', '-'], { input: lines.join('\n') });
}

/** Namespaces that stand for containers. */
export function createContainers() {
  const made: Namespace[] = [];
  async function add(): Promise<Namespace> {
    const namespace = await createNamespace(['--net'], ['sleep', 'infinity']);
    made.push(namespace);
    await namespace.run(['ip', 'link', 'set', 'lo', 'up']);
    return namespace;
  }
  return {
    add,
    /** Makes a container with the endpoint, on the host of the data plane. */
    async attach(datapath: Datapath, target: Endpoint): Promise<Namespace> {
      const host = hosts.get(datapath);
      if (!host) throw new Error('the data plane is on no host');
      const [container, port] = [await add(), await datapath.attach(target)];
      await plug(runIn(host), target, port, container);
      return container;
    },
    destroy: () => Promise.all(made.map((namespace) => namespace.destroy())),
  };
}

/** The first packets to a host are spent on finding it. */
export async function reaches(from: Namespace, address: string, ...options: string[]): Promise<boolean> {
  const argv = ['busybox', 'ping', '-c', '4', '-i', '0.1', '-W', '1', ...options, address];
  return (await from.run(argv, { reject: false })).exitCode === 0;
}

/** Whether what the one sends comes back whole from the other. */
export async function carriesTcp(
  from: Namespace,
  to: Namespace,
  address: string,
  bytes: number,
): Promise<boolean> {
  const server = to.spawn(['busybox', 'nc', '-l', '-p', '7', '-e', 'cat'], { stdio: 'ignore' });
  const listening = async () => (await to.run(['busybox', 'netstat', '-ltn'])).stdout.includes(':7 ');
  try {
    await until('the listener', listening);
    const { stdout } = await from.run(['busybox', 'nc', '-w', '3', address, '7'], {
      input: 'x'.repeat(bytes),
    });
    return stdout.length === bytes;
  } finally {
    server.kill();
  }
}

/** What Open vSwitch would do with a frame, as its datapath actions. */
export async function trace(host: Host, frame: string): Promise<string> {
  const { stdout } = await host.run(['ovs-appctl', 'ofproto/trace', 'docker0-ovs', frame]);
  return /Datapath actions: (.*)/.exec(stdout)?.[1] ?? stdout;
}

export async function flowsOf(host: Host): Promise<string> {
  return (await host.run(['ovs-ofctl', '-O', 'OpenFlow14', '--no-stats', 'dump-flows', 'docker0-ovs']))
    .stdout;
}
