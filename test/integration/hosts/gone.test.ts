import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { step } from '../../support/step.js';
import { seconds, until } from '../../support/until.js';
import { addressOf } from '../agent/suite.js';
import { leasesOn, startAtLast, tunnelsOf, untilAllReach, type Places } from './reach.js';
import { createNetwork, PATIENCE_MS, STORY_MS, untilMembers, untilVoters, useCluster } from './suite.js';

/** Longer than a host has no Consul while it turns from client to server, as happens when the number of members changes. */
const GRACE = '12s';

/** How many pings a container has been sent. */
async function echoesAt(node: Node, container: string): Promise<number> {
  const { stdout } = await node.sp(['exec', container, 'grep', '^Icmp:', '/proc/net/snmp']);
  const [names, values] = stdout.split('\n').map((line) => line.split(' '));
  return Number(values?.[names?.indexOf('InEchos') ?? -1]);
}

describe('a host that is gone for longer than its addresses are kept', function () {
  this.timeout(STORY_MS);
  const { nodes, restart } = useCluster(3, { leaseGrace: GRACE });
  const places: Places = {};
  const start = async (node: Node, name: string, ...options: string[]) => {
    places[name] = node;
    return startAtLast(node, name, ...options);
  };
  const untilGivenBack = (host: string) =>
    until('its leases to go', async () => !(host in (await leasesOn(nodes()[0]!))), PATIENCE_MS);

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    const [first, second, third] = nodes();
    await start(first!, 'con1');
    await start(second!, 'con2');
    await start(third!, 'con3');
    await untilAllReach(places);
    await untilVoters(first!);
  });

  it('comes back with other addresses for its containers, and steals or duplicates none', async () => {
    await step('killed, and back late', killed);
    await step('cut off with running containers', cutOff);
  });

  async function killed(): Promise<void> {
    const [first, second, third] = nodes();
    const old = await addressOf(third!, 'con3');
    await start(third!, 'pinned', '--ip', '10.50.9.9');
    await third!.kill();
    for (const node of [first!, second!]) {
      const isGone = async () => !(await tunnelsOf(node)).includes(third!.address);
      await until('the tunnel to go', isGone, PATIENCE_MS);
    }
    await untilGivenBack(third!.name);
    expect(await start(first!, 'heir1', '--ip', old)).to.equal(old);
    await start(second!, 'heir2', '--ip', '10.50.9.9');

    await restart(third!);
    await untilMembers(nodes(), 3);
    const startCon3 = () => third!.sp(['start', 'con3'], { reject: false });
    await until('con3 to start', async () => (await startCon3()).exitCode === 0);
    const { stderr, exitCode } = await third!.sp(['start', 'pinned'], { reject: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.include('Address already in use: 10.50.9.9 of network web belongs to heir2');
    delete places['pinned'];
    expect(await addressOf(third!, 'con3')).to.not.equal(old);
    await untilAllReach(places);
    expect(await tunnelsOf(first!)).to.deep.equal([second!.address, third!.address]);
  }

  async function cutOff(): Promise<void> {
    const [first, second] = nodes();
    // Without the second, the third must have a vote to make up a majority.
    await untilVoters(first!);
    const old = await addressOf(second!, 'con2');
    const witness = await startAtLast(first!, 'witness');
    await second!.sp(['exec', '-d', 'con2', 'ping', '-I', old, '-i', '0.1', witness]);
    await until('pings', async () => (await echoesAt(first!, 'witness')) > 0);
    await second!.cut();
    await untilGivenBack(second!.name);
    const before = await echoesAt(first!, 'witness');
    expect(await start(first!, 'heir3', '--ip', old)).to.equal(old);
    await start(first!, 'heir4', '--ip', '10.50.9.9');
    delete places['heir2'];

    const healed = performance.now();
    await second!.heal();
    await untilAllReach(places);
    console.log(`    ${seconds(healed)} after the cable is back`);
    expect(await addressOf(second!, 'con2')).to.not.be.oneOf(['', old]);
    expect(await echoesAt(first!, 'witness'), 'pings from an address that is another’s').to.equal(before);
    expect(await second!.agentLog()).to.include(
      'Address already in use: 10.50.9.9 of network web belongs to heir4',
    );
    expect(await leasesOn(first!)).to.deep.equal({ h1: 5, h2: 1, h3: 1 });
  }
});
