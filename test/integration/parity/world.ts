import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createLab, OUTSIDE, START_MS, type Lab } from '../../lab/lab.js';
import { startNode } from '../../lab/node.js';
import type { Environment } from './case.js';
import { BRIDGE, OUR_KIND } from './kinds.js';
import type { World } from './kit.js';

/** Made besides busybox. */
export const EXPOSING_IMAGE = 'exposing';
export const LABELLED_IMAGE = 'labelled';
/** Other networks that every case may use, of Docker's own bridge driver. */
const IMAGES: Record<string, string[]> = {
  [EXPOSING_IMAGE]: ['-c', 'EXPOSE 80 90/udp'],
  [LABELLED_IMAGE]: ['-c', 'LABEL socketplane.network=nowhere'],
};

/** One host for the whole matrix, with both networks; and another on the same LAN. */
export function useWorld(): { world: () => World; environment: () => Environment } {
  let lab: Lab;
  let nameServer: ChildProcess;
  let world: World;
  let environment: Environment;
  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    const [host, other] = [await lab.addHost(), await lab.addHost()];
    // A name server that answers at once: what containers ask for outside must not wait for one that is not there.
    await host.run(['sh', '-c', `echo nameserver ${OUTSIDE} >/etc/resolv.conf`]);
    const server = ['setpriv', '--pdeathsig', 'KILL', 'node', join(import.meta.dirname, 'name-server.js')];
    nameServer = lab.outside.spawn(server, { stdio: 'ignore' });
    const node = await startNode(host);
    // The node's card is in a userspace bridge, and there is no hardware that would complete checksums.
    await other.run(['ethtool', '-K', 'eth0', 'tx', 'off']);
    world = { node, other };
    for (const [image, changes] of Object.entries(IMAGES))
      await node.docker('import', '-c', 'CMD ["sh"]', ...changes, '/run/busybox.tar', `${image}:latest`);
    for (const { driver, network, prefix, peer } of [BRIDGE, OUR_KIND]) {
      const subnet = ['--subnet', `${prefix}.0.0/16`, '--gateway', `${prefix}.0.1`];
      await node.sp(['network', 'create', '-d', driver, ...subnet, network]);
      await node.sp(['run', '-d', '--name', peer, '--network', network, 'busybox', 'sleep', '100000']);
    }
    environment = await look(world);
  });
  after(async function () {
    this.timeout(START_MS);
    nameServer.kill();
    await lab.destroy();
  });
  return { world: () => world, environment: () => environment };
}

async function look({ node }: World): Promise<Environment> {
  const version = async (part: string) =>
    Number.parseInt((await node.docker('version', '-f', `{{.${part}.Version}}`)).stdout, 10);
  const works = async (...argv: string[]) => (await node.run(argv, { reject: false })).stdout;
  return {
    engine: await version('Server'),
    client: await version('Client'),
    composeV1: (await works('docker-compose', 'version', '--short').catch(() => '')).startsWith('1.'),
    composeV2: (await works('docker', 'compose', 'version', '--short').catch(() => '')) !== '',
    dockerPy: (await works('/usr/bin/python3', '-c', 'import docker; print("yes")')) === 'yes',
  };
}
