/**
 * What a SocketPlane network adds to the start of a container, compared with Docker's own networks and with no network at
 * all: on one host, then on a cluster of three with its Consul, beside Swarm's overlay on the same hosts. `npm run bench`
 * prints medians of interleaved runs, how far they are from no network, and their ratio to a network of Docker's bridge.
 */
import { untilMembers } from '../integration/hosts/suite.js';
import { createLab, type Lab } from '../lab/lab.js';
import { startNode, type Node } from '../lab/node.js';
import { until } from '../support/until.js';
import { joinSwarm, SWARM_NETWORK } from './net-paths.js';
import { compareStarts, RUN, UNTIL_ADDRESS } from './starts.js';

const NONE = ['--network', 'none'];
const OURS = ['--network', 'web'];
const BRIDGE = ['--network', 'bridged'];
const PUBLISH = ['-p', '80'];
/** Containers that start at once, and how often that is repeated. */
const MANY = 30;
const TIMES = 3;

await inLab(oneHost);
await inLab(threeHosts);

async function oneHost(lab: Lab): Promise<void> {
  const node = await startNode(await lab.addHost());
  await node.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
  await node.docker('network', 'create', 'bridged');
  const single = await compareStarts(
    'docker run --rm on one host, until it has its address',
    {
      'no network (direct)': () => node.docker(...RUN, ...NONE, 'busybox', 'true'),
      'no network (proxy)': () => node.sp([...RUN, ...NONE, 'busybox', 'true']),
      'bridge (direct)': () => node.docker(...RUN, ...BRIDGE, ...UNTIL_ADDRESS),
      'bridge (proxy)': () => node.sp([...RUN, ...BRIDGE, ...UNTIL_ADDRESS]),
      'SocketPlane (direct)': () => node.docker(...RUN, ...OURS, ...UNTIL_ADDRESS),
      'SocketPlane (proxy)': () => node.sp([...RUN, ...OURS, ...UNTIL_ADDRESS]),
      'bridge, -p (proxy)': () => node.sp([...RUN, ...PUBLISH, ...BRIDGE, ...UNTIL_ADDRESS]),
      'SocketPlane, -p (proxy)': () => node.sp([...RUN, ...PUBLISH, ...OURS, ...UNTIL_ADDRESS]),
    },
    'bridge (direct)',
  );
  console.log(single);
  const many = await compareStarts(
    `${MANY} docker run -d at once`,
    {
      'bridge (direct)': () => startMany(node, node.docker, BRIDGE),
      'SocketPlane (direct)': () => startMany(node, node.docker, OURS),
      'SocketPlane (proxy)': () => startMany(node, (...args) => node.sp(args), OURS),
    },
    'bridge (direct)',
    TIMES,
  );
  console.log(many);
}

/** @returns what removes them again */
async function startMany(
  node: Node,
  docker: (...args: string[]) => Promise<unknown>,
  network: string[],
): Promise<() => Promise<unknown>> {
  const names = Array.from({ length: MANY }, (_, index) => `many${index}`);
  await Promise.all(
    names.map((name) => docker('run', '-d', '--name', name, ...network, 'busybox', 'sleep', '1d')),
  );
  return () => docker('rm', '-f', ...names);
}

async function threeHosts(lab: Lab): Promise<void> {
  const hosts = [await lab.addHost(), await lab.addHost(), await lab.addHost()] as const;
  const [node, other, third] = hosts;
  const nodes = await Promise.all(
    hosts.map((host) => startNode(host, { BOOTSTRAP: host === node ? 'true' : 'false' })),
  );
  await untilMembers(nodes, hosts.length);
  await nodes[0]!.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
  await joinSwarm(node, other, third);
  const on = nodes[2]!;
  await on.docker('network', 'create', 'bridged');
  // On hosts that are not Swarm managers, a network can be used only once the host has heard of it.
  await until('the overlay', () => on.docker(...RUN, '--network', SWARM_NETWORK, 'busybox', 'true'));
  const table = await compareStarts(
    'docker run --rm on a cluster of three, until it has its address',
    {
      'no network (direct)': () => on.docker(...RUN, ...NONE, 'busybox', 'true'),
      'bridge (direct)': () => on.docker(...RUN, ...BRIDGE, ...UNTIL_ADDRESS),
      "Swarm's overlay (direct)": () => on.docker(...RUN, '--network', SWARM_NETWORK, ...UNTIL_ADDRESS),
      'SocketPlane (direct)': () => on.docker(...RUN, ...OURS, ...UNTIL_ADDRESS),
      'SocketPlane (proxy)': () => on.sp([...RUN, ...OURS, ...UNTIL_ADDRESS]),
    },
    'bridge (direct)',
  );
  console.log(table);
}

async function inLab(task: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = await createLab();
  try {
    await task(lab);
  } finally {
    await lab.destroy();
  }
}
