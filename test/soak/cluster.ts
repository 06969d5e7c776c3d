import type { Lab } from '../lab/lab.js';
import { startNode, type Node } from '../lab/node.js';
import { createNetwork, untilMembers } from '../integration/hosts/suite.js';
import { addressesIn, dockerCalls } from './docker-calls.js';
import { APPS, WEB } from './networks.js';

const HOSTS = 3;
const SURVIVORS_ON_EACH = 3;

/** A container that lives through everything. */
export interface Survivor {
  name: string;
  node: Node;
  /** By network. They must be the same at the end. */
  addresses: { [network: string]: string };
}

export interface Cluster {
  lab: Lab;
  nodes: Node[];
  survivors: Survivor[];
}

/** Three hosts of one cluster, with networks and containers on them. */
export async function startCluster(lab: Lab): Promise<Cluster> {
  for (let number = 0; number < HOSTS; number++) await lab.addHost();
  const nodes = await Promise.all(
    lab.hosts.map((host, index) => startNode(host, { BOOTSTRAP: index === 0 ? 'true' : 'false' })),
  );
  await untilMembers(nodes, HOSTS);
  for (const { id, subnet } of [WEB, APPS]) await createNetwork(nodes, id, subnet);
  const survivors = await Promise.all(
    nodes.flatMap((node) =>
      Array.from({ length: SURVIVORS_ON_EACH }, (_, index) => survive(node, `survivor${index}-${node.name}`)),
    ),
  );
  await Promise.all(nodes.map(publishOnce));
  return { lab, nodes, survivors };
}

/** Docker makes a bridge and chains when it publishes a port for the first time, and keeps them. */
async function publishOnce(node: Node): Promise<void> {
  const docker = dockerCalls(node);
  const PortBindings = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] };
  const HostConfig = { NetworkMode: WEB.id, PortBindings };
  await docker.create('publishes', {
    ...{ Image: 'busybox', Cmd: ['sleep', '1000'], ExposedPorts: { '80/tcp': {} }, HostConfig },
  });
  await docker.start('publishes');
  await docker.remove('publishes');
}

async function survive(node: Node, name: string): Promise<Survivor> {
  const docker = dockerCalls(node);
  await docker.create(name, {
    ...{ Image: 'busybox', Cmd: ['sleep', '1000000'], StopSignal: 'KILL' },
    HostConfig: { NetworkMode: WEB.id, RestartPolicy: { Name: 'always' } },
  });
  await docker.start(name);
  await docker.call('POST', `/networks/${APPS.id}/connect`, { Container: name });
  return { name, node, addresses: addressesIn(await docker.inspect(name)) };
}
