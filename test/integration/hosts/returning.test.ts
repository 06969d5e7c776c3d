import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { until } from '../../support/until.js';
import { firstPacketReaches, pings, sleeper } from '../agent/suite.js';
import { cluster, startWaitingAgent, useAlone } from './alone.js';
import { tunnelsOf } from './reach.js';
import { PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

describe('an agent that comes back', function () {
  this.timeout(STORY_MS);
  const { nodes } = useAlone(2);
  const node = (number: number) => nodes()[number - 1]!;
  let con2 = '';

  before(async function () {
    this.timeout(STORY_MS);
    await cluster(node(1), 'bootstrap');
    await cluster(node(2), 'join', node(1).address);
    await sleeper(node(1), 'con1');
    con2 = await sleeper(node(2), 'con2');
    await untilMembers(nodes(), 2);
    await until('a way between the hosts', () => pings(node(1), 'con1', con2), PATIENCE_MS);
  });

  async function restart(which: Node, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const consul = await which.run(['pgrep', '-x', 'consul']);
    await which.stop('agent', signal);
    await which.startAgent();
    expect(await which.run(['pgrep', '-x', 'consul']), 'Consul runs on').to.deep.equal(consul);
    await untilMembers(nodes(), 2);
  }

  for (const [who, number] of [
    ['a client of Consul', 2],
    ['the only server', 1],
  ] as const) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      it(`is a member again, and no ping was lost: ${who}, ${signal}`, async () => {
        const ping = await steadyPing(node(1), 'con1', con2);
        await restart(node(number), signal);
        expect((await ping.end()).lost).to.deep.equal([]);
        for (const each of nodes()) expect(await tunnelsOf(each)).to.have.length(1);
      });
    }
  }

  it('says what is missing while Consul cannot be reached, and goes on when it can', async () => {
    const [first, second] = [node(1), node(2)];
    await second.sp(['create', '--name', 'later', 'busybox', 'sleep', '1000']);
    const ping = await steadyPing(node(1), 'con1', con2);
    // Consul outlives its agent.
    for (const each of [second, first]) {
      await each.stop('agent');
      await each.run(['pkill', '-x', 'consul']);
    }
    await startWaitingAgent(second);
    const members = await cluster(second, 'members');
    expect(members).to.match(
      /^this host belongs to cluster socketplane, and is waiting for it: Consul has no leader/,
    );
    const start = await second.sp(['start', 'later'], { reject: false });
    expect(start.exitCode).to.equal(1);
    expect(start.stderr).to.match(/this host waits for cluster socketplane: Consul has no leader/);
    expect((await second.api('GET', '/healthz')).status).to.equal(503);
    await first.startAgent();
    await untilMembers(nodes(), 2);
    expect((await ping.end()).lost).to.deep.equal([]);
    await second.sp(['start', 'later']);
    expect(await firstPacketReaches(node(1), 'con1', 'later')).to.equal(true);
  });
});
