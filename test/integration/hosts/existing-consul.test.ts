import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { startNode, type Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { until } from '../../support/until.js';
import { addressOf, firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { cluster, clusterFails, configure, startWaitingAgent } from './alone.js';
import { startAtLast, tunnelsOf } from './reach.js';
import { createNetwork, PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';
import { theirConsul } from './their-consul.js';

/** Why a host is no member. */
async function clusterProblem(node: Node): Promise<string> {
  const { body } = await node.api('GET', '/cluster');
  return (body as { problem?: string }).problem ?? '';
}

describe('a cluster on a Consul that is there already', function () {
  this.timeout(STORY_MS);
  let lab: Lab;
  let consul: ReturnType<typeof theirConsul>;
  let nodes: Node[];
  let con2 = '';

  before(async function () {
    this.timeout(START_MS);
    lab = await createLab();
    const [server, ...hosts] = [await lab.addHost(), await lab.addHost(), await lab.addHost()] as const;
    consul = theirConsul(server);
    await consul.start();
    const settings = { address: consul.address, token: await consul.token('networks/'), prefix: 'networks/' };
    await Promise.all(
      hosts.map((host) => configure(host, { cluster: { leaseGrace: '45s' }, consul: settings })),
    );
    nodes = await Promise.all(hosts.map((host) => startNode(host)));
    await untilMembers(nodes, 2);
    const [one, two] = nodes as [Node, Node];
    await createNetwork(nodes, 'web', '10.50.0.0/16');
    await sleeper(one, 'con1', '-e', 'SP_NETWORK=web');
    con2 = await sleeper(two, 'con2', '-e', 'SP_NETWORK=web');
    await until('a way between the hosts', () => pings(one, 'con1', con2), PATIENCE_MS);
  });
  after(async function () {
    this.timeout(START_MS);
    await lab.destroy();
  });

  it('has networks, addresses and names on all its hosts', async () => {
    const [one] = nodes as [Node];
    expect(con2).not.to.equal(await addressOf(one, 'con1'));
    expect(await firstPacketReaches(one, 'con1', 'con2')).to.equal(true);
    expect(await cluster(one, 'members')).to.match(/^h3 +192\.168\.108\.3 +up /m);
  });

  it('runs no Consul, listens for nobody, and takes no commands', async () => {
    for (const node of nodes) {
      expect((await node.run(['pgrep', '-f', 'consul agent'], { reject: false })).stdout).to.equal('');
      const { stdout } = await node.run(['ss', '-Hltun']);
      expect(stdout).not.to.match(/:(667[5-8]|5353) /);
    }
    for (const command of [['bootstrap'], ['join', '192.168.108.3'], ['bind', 'eth0'], ['leave']]) {
      expect(await clusterFails(nodes[0]!, ...command)).to.match(/is set by `consul` in its agent\.yml/);
    }
    const { body } = await nodes[0]!.api('GET', '/configuration');
    expect(body).to.deep.include({ consul: { address: consul.address, prefix: 'networks/' } });
  });

  it('does without it for a while', async () => {
    const [one] = nodes as [Node];
    await consul.stop();
    expect(await firstPacketReaches(one, 'con1', con2)).to.equal(true);
    const run = await one.sp(['run', '-d', '--name', 'late', 'busybox', 'sleep', '1000'], { reject: false });
    expect(run.exitCode).not.to.equal(0);
    expect(run.stderr).to.match(/no Consul runs on http:\/\/192\.168\.108\.1:8500/);
    await consul.start();
    await startAtLast(one, 'late');
  });

  it('names the right that its token lacks', async () => {
    const [, two] = nodes as [Node, Node];
    const wanting = {
      'session_prefix "" { policy = "write" }': 'key_prefix "networks/" { policy = "write" }',
      'key_prefix "networks/" { policy = "write" }': 'session_prefix "" { policy = "write" }',
    };
    for (const [right, rules] of Object.entries(wanting)) {
      const tokenFile = '/etc/socketplane/token';
      await writeFile(two.file(tokenFile), await consul.token('networks/', rules));
      await configure(two, { consul: { address: consul.address, tokenFile, prefix: 'networks/' } });
      await two.stop('agent');
      await startWaitingAgent(two);
      await until(
        `the lack of ${right} to be named`,
        async () =>
          (await two.agentLog()).includes(
            `the token's policy must have ${JSON.stringify(right).slice(1, -1)}`,
          ),
        PATIENCE_MS,
      );
    }
    await writeFile(two.file('/etc/socketplane/token'), await consul.token('networks/'));
    await two.stop('agent');
    await two.startAgent();
    await untilMembers(nodes, 2);
  });

  it('ignores what others have written among its keys', async () => {
    const [one, two] = nodes as [Node, Node];
    for (const key of ['feed/theirs', 'data/networks/theirs', 'data/hosts/theirs', 'data/blocks/theirs'])
      await consul.write(`networks/${key}`, 'not ours');
    await startAtLast(one, 'besides');
    await until(
      'the strange key to be named',
      async () => (await two.agentLog()).includes('networks/feed/theirs'),
      PATIENCE_MS,
    );
    await untilMembers(nodes, 2);
  });

  it('refuses a store in a format of the future, and touches nothing of it', async () => {
    const [one, two] = nodes as [Node, Node];
    await consul.write('networks/data/format', { format: 3 });
    await two.stop('agent');
    await startWaitingAgent(two);
    await until(
      'a line about it',
      async () => /the store has format 3, and SocketPlane .* reads up to 1/.test(await clusterProblem(two)),
      PATIENCE_MS,
    );
    expect(await pings(one, 'con1', con2)).to.equal(true);
    await consul.write('networks/data/format', { format: 1 });
    await two.stop('agent');
    await two.startAgent();
    await untilMembers(nodes, 2);
  });

  it('takes up what it has when the store is restored from a back-up', async () => {
    const [one, two] = nodes as [Node, Node];
    await startAtLast(one, 'gone');
    await consul.snapshot('save');
    await one.sp(['rm', '-f', 'gone']);
    const young = await startAtLast(one, 'young');
    await createNetwork(nodes, 'late', '10.51.0.0/16');
    const late = await sleeper(two, 'late', '-e', 'SP_NETWORK=late');
    await consul.snapshot('restore');

    const ids = await Promise.all(
      nodes.map(async (node) => ((await node.api('GET', '/cluster')).body as { id: string }).id),
    );
    const leases = async () => {
      const { body } = await one.api('GET', '/leases');
      return (body as { ip: string; host: string; network: string }[]).map(
        ({ ip, host, network }) => `${network} ${ip} ${ids.indexOf(host)}`,
      );
    };
    const expected = [
      `web ${young} 0`,
      `late ${late} 1`,
      `web ${await addressOf(one, 'con1')} 0`,
      `web ${con2} 1`,
    ];
    await until(
      'everything to be as it was',
      async () => {
        expect(await leases()).to.include.members(expected);
        return true;
      },
      PATIENCE_MS,
    );
    await untilMembers(nodes, 2);
    const next = await startAtLast(two, 'next');
    expect([young, con2]).not.to.include(next);
    await until(
      'the ways',
      async () => (await pings(one, 'young', con2)) && (await pings(two, 'con2', young)),
      PATIENCE_MS,
    );
    const all = await leases();
    expect(new Set(all.map((lease) => lease.split(' ', 2).join())).size).to.equal(all.length);
  });

  it('keeps the tunnel to a host whose agent is away until it gives up its addresses', async () => {
    const [one, two] = nodes as [Node, Node];
    await untilMembers([one], 2);
    const ping = await steadyPing(one, 'con1', con2);
    await two.stop('agent', 'SIGKILL');
    const members = () => cluster(one, 'members');
    await until('its agent to be missed', async () => (await members()).includes('agent away'), PATIENCE_MS);
    await ping.more(20);
    await two.startAgent();
    await untilMembers([one], 2);
    expect((await ping.end()).lost).to.deep.equal([]);

    await two.kill();
    await until('its agent to be missed', async () => (await members()).includes('agent away'), PATIENCE_MS);
    expect(await tunnelsOf(one)).to.deep.equal([two.address]);
    await until('its tunnel to go', async () => (await tunnelsOf(one)).length === 0, PATIENCE_MS);
    await until('its place to go', async () => !(await members()).includes(two.address), PATIENCE_MS);
  });
});
