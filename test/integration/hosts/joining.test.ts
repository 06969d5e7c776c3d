import { expect } from 'chai';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { step } from '../../support/step.js';
import { seconds, until } from '../../support/until.js';
import { cluster, clusterFails, networksOf, useAlone } from './alone.js';
import { tunnelsOf } from './reach.js';
import { membersOf, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

const NOBODY = '192.168.108.77';

describe('a cluster by commands', function () {
  this.timeout(STORY_MS);
  const { nodes } = useAlone(3);
  const node = (number: number) => nodes()[number - 1]!;

  it('begins, refuses who does not fit, and is joined, as a user does it', async () => {
    await step('begins on a host with networks and containers, which do not notice', begins);
    await step('says in one line why a host cannot join', saysWhy);
    await step(
      'refuses a host whose network is in the way, and leaves everything as it was',
      refusesWhatIsInTheWay,
    );
    await step(
      'is joined by a host whose container had an address that is taken',
      isJoinedWhereAnAddressIsTaken,
    );
    await step('is joined by a host that was bound to a device by the name of its port', isJoinedByADevice);
    await step('shows its members', showsItsMembers);
  });

  async function begins(): Promise<void> {
    const first = node(1);
    // A number in between is free: those of the others stay all the same.
    await first.api('POST', '/networks', { id: 'gone', subnet: '10.49.0.0/16' });
    await first.api('POST', '/networks', { id: 'web', subnet: '10.50.0.0/16' });
    await first.api('POST', '/networks', { id: 'unused', subnet: '10.51.0.0/16' });
    await first.api('DELETE', '/networks/gone');
    const one = await sleeper(first, 'con1', '-e', 'SP_NETWORK=web');
    const two = await sleeper(first, 'con2', '-e', 'SP_NETWORK=web');
    const before = await networksOf(first);
    const ping = await steadyPing(first, 'con1', two);
    expect(await cluster(first, 'bootstrap')).to.equal(
      'this host is a member of cluster socketplane, 1 host in all',
    );
    expect((await ping.end()).lost).to.deep.equal([]);
    expect(await networksOf(first)).to.deep.equal(before);
    expect(await addressOf(first, 'con1')).to.equal(one);
    expect(await addressOf(first, 'con2')).to.equal(two);
    expect(await clusterFails(first, 'bootstrap')).to.match(/belongs to cluster socketplane already/);
    expect(await clusterFails(first, 'join', node(2).address)).to.match(/already.*cluster leave/);
  }

  async function saysWhy(): Promise<void> {
    const second = node(2);
    const began = performance.now();
    expect(await clusterFails(second, 'join', node(3).address)).to.match(/no member .* bootstrapped there/);
    expect(await clusterFails(second, 'join', NOBODY)).to.match(/no member .* gives out its key/);
    expect(await clusterFails(second, 'join', 'h1')).to.match(/expected an IPv4 address/);
    expect(await clusterFails(second, 'bind', 'nothing')).to.match(/device nothing is not there/);
    console.log(`      ${seconds(began)} until four commands had failed`);
    expect(await cluster(second, 'members')).to.match(/^this host belongs to no cluster/);
  }

  async function refusesWhatIsInTheWay(): Promise<void> {
    const second = node(2);
    await second.api('POST', '/networks', { id: 'other', subnet: '10.50.128.0/17' });
    const ip = await sleeper(second, 'con3', '-e', 'SP_NETWORK=other');
    const before = await networksOf(second);
    expect(await clusterFails(second, 'join', node(1).address)).to.match(
      /network other \(10\.50\.128\.0\/17\) .* in the way of network web .*remove the containers/,
    );
    expect(await networksOf(second)).to.deep.equal(before);
    expect(await addressOf(second, 'con3')).to.equal(ip);
    expect((await membersOf(node(1))).map(({ name }) => name)).to.deep.equal(['h1']);
    await second.sp(['rm', '-f', 'con3']);
    await second.api('DELETE', '/networks/other');
  }

  async function isJoinedWhereAnAddressIsTaken(): Promise<void> {
    const [first, second] = [node(1), node(2)];
    const taken = await sleeper(second, 'con5');
    await sleeper(first, 'con4', '--ip', taken);
    const free = await sleeper(second, 'con6', '--ip', '10.1.0.10');
    expect(await cluster(second, 'join', first.address)).to.equal(
      'this host is a member of cluster socketplane, 2 hosts in all',
    );
    await untilMembers([first, second], 2);
    expect(await addressOf(second, 'con6')).to.equal(free);
    let moved = '';
    await until('another address', async () => (moved = await addressOf(second, 'con5')) !== '', PATIENCE_MS);
    expect(moved).not.to.equal(taken);
    expect(await second.agentLog()).to.match(/address is lost, the container gets another/);
    for (const ip of [moved, free]) {
      await until(`con4 to reach ${ip}`, () => pings(first, 'con4', ip), PATIENCE_MS);
    }
    await until('con5 to reach con6', () => pings(second, 'con5', free), PATIENCE_MS);
    expect(await firstPacketReaches(second, 'con5', taken)).to.equal(true);
    expect(await addressOf(first, 'con4')).to.equal(taken);
  }

  async function isJoinedByADevice(): Promise<void> {
    const third = node(3);
    expect(await cluster(third, 'bind', 'eth0')).to.equal(
      'this host is looking for cluster socketplane on br-phy',
    );
    expect(await cluster(third, 'bind', 'br-phy')).to.match(/is looking for cluster socketplane on br-phy/);
    await cluster(third, 'join', node(2).address);
    await untilMembers(nodes(), 3);
    await until('tunnels', async () => (await tunnelsOf(third)).length === 2, PATIENCE_MS);
  }

  async function showsItsMembers(): Promise<void> {
    // Consul is away for a moment where it becomes a server.
    for (const each of nodes()) {
      await until(
        'a server',
        async () => {
          const { body } = await each.api('GET', '/cluster');
          const { server, members } = body as { server: boolean; members: unknown[] };
          return server && members.length === 3;
        },
        PATIENCE_MS,
      );
    }
    const table = await cluster(node(3), 'members');
    expect(table).to.match(/^Cluster +socketplane\nDevice +br-phy\n/);
    expect(table).to.match(/^h1 +192\.168\.108\.1 +up +server +\d+\.\d+\.\d+$/m);
    expect(table).to.match(/^h3 \(this host\) +192\.168\.108\.3 +up +server +\d+\.\d+\.\d+$/m);
    const { members } = JSON.parse(await cluster(node(2), 'members', '--json')) as {
      members: { address: string }[];
    };
    expect(members.map(({ address }) => address)).to.deep.equal(nodes().map(({ address }) => address));
  }
});
