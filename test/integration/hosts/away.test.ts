import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { steadyPing } from '../../lab/steady-ping.js';
import { seconds, until } from '../../support/until.js';
import { addressOf } from '../agent/suite.js';
import { leasesOn, startAtLast, tunnelsOf, untilAllReach, type Places } from './reach.js';
import {
  answering,
  createNetwork,
  membersOf,
  PATIENCE_MS,
  STORY_MS,
  untilMembers,
  untilVoters,
  useCluster,
} from './suite.js';

/** Much longer than others once waited for the agent of a host, and than its addresses are kept. */
const AWAY_MS = 40_000;
const GRACE = '15s';

describe('a host without its agent', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(3, { leaseGrace: GRACE });
  const places: Places = {};

  const stateOf = async (of: Node, seenBy: Node) =>
    (await membersOf(seenBy)).find(({ name }) => name === of.name)?.state;

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    for (const [index, node] of nodes().entries()) {
      const name = `con${index + 1}`;
      places[name] = node;
      await startAtLast(node, name);
    }
    await untilAllReach(places);
    await untilVoters(nodes()[0]!);
  });

  it('keeps its tunnels, addresses and names for as long as it lives', async () => {
    const [first, second, third] = nodes();
    const [near, far] = [await addressOf(first!, 'con1'), await addressOf(third!, 'con3')];
    const pings = [await steadyPing(first!, 'con1', far), await steadyPing(third!, 'con3', near)];
    await third!.stop('agent', 'SIGKILL');
    const began = performance.now();
    await until(
      'the others to know',
      async () => (await stateOf(third!, first!)) === 'agent away',
      PATIENCE_MS,
    );
    console.log(`      ${seconds(began)} until its agent is known to be away`);
    while (performance.now() - began < AWAY_MS) await Promise.all(pings.map((ping) => ping.more(20)));
    expect(await stateOf(third!, first!)).to.equal('agent away');
    for (const node of [first!, second!]) expect(await tunnelsOf(node)).to.include(third!.address);
    expect(await leasesOn(first!)).to.include({ [third!.name]: 1 });
    expect(await answering(first!, 'con1', ['con3'])).to.deep.equal([far]);

    await third!.startAgent();
    await untilMembers(nodes(), 3);
    await Promise.all(pings.map((ping) => ping.more(20)));
    const ends = await Promise.all(pings.map((ping) => ping.end()));
    expect(ends.map(({ lost }) => lost)).to.deep.equal([[], []]);
    expect(await addressOf(third!, 'con3')).to.equal(far);
    await untilAllReach(places);
  });

  it('is given up within seconds when it dies, also when its agent was away before', async () => {
    const [first, second, third] = nodes();
    await third!.stop('agent', 'SIGKILL');
    await until(
      'the others to know',
      async () => (await stateOf(third!, first!)) === 'agent away',
      PATIENCE_MS,
    );
    await third!.kill();
    const began = performance.now();
    for (const node of [first!, second!]) {
      const isGone = async () => !(await tunnelsOf(node)).includes(third!.address);
      await until('the tunnel to go', isGone, PATIENCE_MS);
    }
    console.log(`      ${seconds(began)} until its tunnels were gone`);
    expect(await stateOf(third!, first!)).to.be.oneOf(['silent', undefined]);
    await until('its leases to go', async () => !(third!.name in (await leasesOn(first!))), PATIENCE_MS);
  });
});
