/**
 * What a SocketPlane network adds to the start of a container, compared with Docker's own networks and with no network at
 * all: on one host, then on a cluster of three with its Consul, beside Swarm's overlay on the same hosts. `npm run bench`
 * prints medians of ten interleaved runs, and how far they are from no network.
 */
import { untilMembers } from '../integration/hosts/suite.js';
import { createLab, type Lab } from '../lab/lab.js';
import { startNode } from '../lab/node.js';
import { until } from '../support/until.js';
import { joinSwarm, SWARM_NETWORK } from './net-paths.js';
import { compareStarts, RUN, UNTIL_ADDRESS } from './starts.js';

const NONE = ['--network', 'none'];
const WEB = ['-e', 'SP_NETWORK=web'];

await inLab(oneHost);
await inLab(threeHosts);

async function oneHost(lab: Lab): Promise<void> {
  const node = await startNode(await lab.addHost());
  await node.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
  const table = await compareStarts('docker run --rm on one host, until it has its address', {
    'no network (direct)': () => node.docker(...RUN, ...NONE, 'busybox', 'true'),
    'no network (proxy)': () => node.sp([...RUN, ...NONE, 'busybox', 'true']),
    "Docker's bridge (direct)": () => node.docker(...RUN, ...UNTIL_ADDRESS),
    'SocketPlane (proxy)': () => node.sp([...RUN, ...WEB, ...UNTIL_ADDRESS]),
  });
  console.log(table);
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
  // On hosts that are not Swarm managers, a network can be used only once the host has heard of it.
  await until('the overlay', () => on.docker(...RUN, '--network', SWARM_NETWORK, 'busybox', 'true'));
  const table = await compareStarts('docker run --rm on a cluster of three, until it has its address', {
    'no network (direct)': () => on.docker(...RUN, ...NONE, 'busybox', 'true'),
    "Swarm's overlay (direct)": () => on.docker(...RUN, '--network', SWARM_NETWORK, ...UNTIL_ADDRESS),
    'SocketPlane (proxy)': () => on.sp([...RUN, ...WEB, ...UNTIL_ADDRESS]),
  });
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
