import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { AGENT_SOCKET, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { needsPlugin } from '../proxy/clients/docker-client.js';
import { answering, createNetwork, PATIENCE_MS, STORY_MS, useCluster } from './suite.js';

describe('networks that span three hosts', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(3);

  before(async () => {
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await Promise.all(nodes().map((node, index) => sleeper(node, `con${index + 1}`, '-e', 'SP_NETWORK=web')));
  });

  it('give each container an address of its own', async () => {
    const ips = await Promise.all(nodes().map((node, index) => addressOf(node, `con${index + 1}`)));
    expect(new Set(ips).size).to.equal(3);
    expect(ips.every((ip) => ip.startsWith('10.50.'))).to.equal(true);
  });

  it('carry ping by name and TCP between all hosts', async () => {
    for (const [from, node] of nodes().entries()) {
      for (const to of [1, 2, 3].filter((number) => number !== from + 1)) {
        expect(
          await firstPacketReaches(node, `con${from + 1}`, `con${to}`),
          `con${from + 1} to con${to}`,
        ).to.equal(true);
      }
    }
    const [first, , third] = nodes();
    await third!.sp(['exec', '-d', 'con3', 'nc', '-l', '-p', '80', '-e', 'cat']);
    await until('the listener', async () =>
      (await third!.sp(['exec', 'con3', 'netstat', '-ltn'])).stdout.includes(':80 '),
    );
    const input = 'hello'.repeat(99_999);
    const { stdout } = await first!.sp(['exec', '-i', 'con1', 'nc', '-w', '60', 'con3', '80'], { input });
    expect(stdout).to.equal(input);
  });

  it('find a container by name from everywhere right after its start, and not after its end', async () => {
    const [first, second, third] = nodes();
    await sleeper(second!, 'new', '-e', 'SP_NETWORK=web');
    expect(await firstPacketReaches(first!, 'con1', 'new')).to.equal(true);
    expect(await firstPacketReaches(third!, 'con3', 'new')).to.equal(true);
    await second!.sp(['rm', '-f', 'new']);
    await until('the name to go', async () => !(await pings(third!, 'con3', 'new')));
  });

  it('have one tunnel for each peer', async () => {
    for (const node of nodes()) {
      const { stdout } = await node.run([
        'ovs-vsctl',
        '--format=json',
        '--columns=options',
        'find',
        'Interface',
        'type=vxlan',
      ]);
      const peers = nodes()
        .filter((other) => other !== node)
        .map(({ address }) => address);
      for (const peer of peers) expect(stdout).to.include(peer);
      expect(stdout.match(/remote_ip/g)).to.have.length(2);
      const says = ['tunnels 2', 'peers 2', 'cluster_member 1', 'consul_role{role="server"} 1'];
      // With three hosts each is a server before long.
      await until(
        `metrics of ${node.name}`,
        async () => {
          const { text: metrics } = await node.ask(AGENT_SOCKET, 'GET', '/metrics');
          return expect(metrics.split('\n')).to.include.members(says.map((line) => `socketplane_${line}`));
        },
        PATIENCE_MS,
      );
    }
  });

  describe('with docker compose', () => {
    needsPlugin(() => nodes()[0]!, 'compose');
    const selections = {
      'a label': { labels: { 'socketplane.network': 'web' } },
      'its environment': { environment: { SP_NETWORK: 'web' } },
    };
    for (const [how, selection] of Object.entries(selections)) {
      it(`find a service on another host by its name, where ${how} selects the network`, async () => {
        const [first, second] = nodes();
        const shop = await composed(first!, 'shop', selection);
        const stock = await composed(second!, 'stock', selection);
        expect((await shop('up', '-d', '--wait')).stderr).to.include('Started');
        await stock('up', '-d', '--wait');
        const ips = [await addressOf(first!, 'shop-shop-1'), await addressOf(second!, 'stock-stock-1')];
        expect(ips.every((ip) => ip.startsWith('10.50.'))).to.equal(true);
        expect(await answering(first!, 'shop-shop-1', ['stock', 'stock-stock-1'])).to.deep.equal([
          ips[1],
          ips[1],
        ]);
        expect(await answering(second!, 'stock-stock-1', ['shop'])).to.deep.equal([ips[0]]);
        expect((await shop('up', '-d')).stderr, 'a second time').not.to.match(/Recreate|Started/);
        await Promise.all([shop('down'), stock('down')]);
      });
    }
  });
});

/** A project of one service; both have this name. */
async function composed(node: Node, name: string, selection: object) {
  const service = { image: 'busybox', pull_policy: 'never', command: 'sleep 1000', stop_signal: 'SIGKILL' };
  const project = { name, services: { [name]: { ...service, ...selection } } };
  await writeFile(node.file(`/run/${name}.yml`), JSON.stringify(project));
  return (...args: string[]) => node.sp(['compose', '--ansi', 'never', '-f', `/run/${name}.yml`, ...args]);
}
