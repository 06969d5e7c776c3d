import { access } from 'node:fs/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { step } from '../../support/step.js';
import { until } from '../../support/until.js';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { cluster, networksOf, useAlone } from './alone.js';
import { tunnelsOf } from './reach.js';
import { askConsul, membersOf, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

/** Everything in a host's Consul, but for the list of what changed lately. */
async function stored(node: Node): Promise<string> {
  const all = await askConsul(node, 'kv/socketplane/?recurse');
  return (all as { Key: string; Value: string | null }[])
    .filter(({ Key }) => !Key.startsWith('socketplane/feed/'))
    .map(({ Key, Value }) => `${Key} ${Buffer.from(Value ?? '', 'base64').toString()}`)
    .join('\n');
}

async function hasNoCluster(node: Node): Promise<void> {
  for (const path of ['/var/lib/socketplane/consul', '/var/lib/socketplane/cluster.json']) {
    const isThere = await access(node.file(path)).then(
      () => true,
      () => false,
    );
    expect(isThere, path).to.equal(false);
  }
  expect((await node.run(['pgrep', '-f', 'consul agent'], { reject: false })).stdout).to.equal('');
  await until('no tunnels', async () => (await tunnelsOf(node)).length === 0, PATIENCE_MS);
}

describe('leaving a cluster', function () {
  this.timeout(STORY_MS);
  const { nodes } = useAlone(3);
  const node = (number: number) => nodes()[number - 1]!;
  const ips: Record<string, string> = {};

  async function keepsItsContainers(): Promise<void> {
    for (const name of ['con2', 'con3']) expect(await addressOf(node(2), name), name).to.equal(ips[name]);
    expect(await firstPacketReaches(node(2), 'con2', ips['con3']!)).to.equal(true);
  }

  before(async function () {
    this.timeout(STORY_MS);
    await Promise.all([cluster(node(1), 'bootstrap'), cluster(node(3), 'bootstrap')]);
    await node(1).api('POST', '/networks', { id: 'first', subnet: '10.49.0.0/16' });
    await node(1).api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
    await cluster(node(2), 'join', node(1).address);
    const web = ['-e', 'SP_NETWORK=web'];
    ips['con1'] = await sleeper(node(1), 'con1', ...web);
    for (const name of ['con2', 'con3']) ips[name] = await sleeper(node(2), name, ...web);
    await untilMembers([node(1), node(2)], 2);
    await until('a way between the hosts', () => pings(node(1), 'con1', ips['con2']!), PATIENCE_MS);
  });

  it('gives back all that a host has, which keeps its containers, once and again', async () => {
    await step(
      'gives back everything, while the host’s containers go on among themselves',
      givesBackEverything,
    );
    await step('may be done twice', leaveTwice);
    await step('frees the host for another cluster', joinAnother);
    await step('works while the cluster’s servers are away', leaveWithoutServers);
  });

  async function givesBackEverything(): Promise<void> {
    const { id } = JSON.parse(await cluster(node(2), 'members', '--json')) as { id: string };
    expect(await stored(node(1))).to.include(id);
    const ping = await steadyPing(node(2), 'con2', ips['con3']!);
    expect(await cluster(node(2), 'leave')).to.equal('this host belongs to no cluster');
    expect((await ping.end()).lost).to.deep.equal([]);
    expect(await stored(node(1))).not.to.include(id);
    expect(await membersOf(node(1))).to.have.length(1);
    await hasNoCluster(node(2));
    await until('no tunnels', async () => (await tunnelsOf(node(1))).length === 0, PATIENCE_MS);
    expect(await pings(node(1), 'con1', ips['con2']!)).to.equal(false);
    await keepsItsContainers();
    // What no container here uses has stayed with the cluster.
    expect(Object.keys(await networksOf(node(2)))).to.have.members(['socketplane', 'web']);
  }

  async function leaveTwice(): Promise<void> {
    expect(await cluster(node(2), 'leave')).to.equal('this host belongs to no cluster');
    await keepsItsContainers();
  }

  async function joinAnother(): Promise<void> {
    await cluster(node(2), 'join', node(3).address);
    await untilMembers([node(2), node(3)], 2);
    await keepsItsContainers();
    expect(Object.keys(await networksOf(node(3)))).to.have.members(['socketplane', 'web']);
    await sleeper(node(3), 'con4', '-e', 'SP_NETWORK=web');
    await until('a way between the hosts', () => pings(node(3), 'con4', ips['con2']!), PATIENCE_MS);
  }

  async function leaveWithoutServers(): Promise<void> {
    await node(3).kill();
    expect(await cluster(node(2), 'leave')).to.equal('this host belongs to no cluster');
    await hasNoCluster(node(2));
    await keepsItsContainers();
    await sleeper(node(2), 'con5', '-e', 'SP_NETWORK=web');
    expect(await firstPacketReaches(node(2), 'con5', 'con2')).to.equal(true);
  }
});
