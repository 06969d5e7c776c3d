import { expect } from 'chai';
import { INTERVAL_S, steadyPing } from '../../lab/steady-ping.js';
import { addressOf, sleeper } from '../agent/suite.js';
import { untilAllReach, type Places } from './reach.js';
import { createNetwork, STORY_MS, useCluster } from './suite.js';

const WEB = ['-e', 'SP_NETWORK=web'];
/** Pings that go on while the agent is away, and as many when it is back. */
const SEVERAL = 10;

describe('parts that are started again, under pings between two hosts', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(2);
  const places: Places = {};
  let addresses: string[];

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    for (const [index, node] of nodes().entries()) {
      const name = `con${index + 1}`;
      await sleeper(node, name, ...WEB, '--restart', 'always');
      places[name] = node;
    }
    await untilAllReach(places);
    addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
  });

  /** Pings both ways while something is done on the second host. */
  async function pingBothWays() {
    const pings = await Promise.all([
      steadyPing(nodes()[0]!, 'con1', addresses[1]!),
      steadyPing(nodes()[1]!, 'con2', addresses[0]!),
    ]);
    return {
      goOn: () => Promise.all(pings.map(({ more }) => more(SEVERAL))),
      end: () => Promise.all(pings.map(({ end }) => end())),
    };
  }

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`the agent, ended by ${signal}: nothing is lost`, async () => {
      const second = nodes()[1]!;
      const pings = await pingBothWays();
      await second.stop('agent', signal);
      await pings.goOn();
      await second.startAgent();
      await pings.goOn();
      await untilAllReach(places);
      expect((await pings.end()).map(({ lost }) => lost)).to.deep.equal([[], []]);
    });
  }

  it('ovs-vswitchd: it goes on without a command', async () => {
    const second = nodes()[1]!;
    const pings = await pingBothWays();
    await second.stop('ovs-vswitchd', 'SIGKILL');
    await second.startVswitchd();
    await untilAllReach(places);
    await pings.goOn();
    const silences = (await pings.end()).map(({ inARow }) => `${(inARow * INTERVAL_S).toFixed(1)} s`);
    console.log(`      longest silences: ${silences.join(', ')}`);
  });

  it('dockerd: its containers are back with their addresses', async () => {
    const [first, second] = nodes();
    const ping = await steadyPing(first!, 'con1', addresses[1]!);
    await second!.stop('dockerd');
    await second!.startDocker();
    await ping.more(1);
    await untilAllReach(places);
    console.log(`      longest silence: ${((await ping.end()).inARow * INTERVAL_S).toFixed(1)} s`);
    expect(await addressOf(second!, 'con2')).to.equal(addresses[1]);
  });
});
