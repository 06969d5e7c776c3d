import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { until } from '../../lab/process.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { refused, untilAllReach, type Places } from './reach.js';
import { createNetwork, untilVoters, useCluster } from './suite.js';

/** By then Consul has lost its leader and its members, and the others have taken the host's tunnels away. */
const LONG_MS = 12_000;

describe('a host that is cut off from the others', function () {
  this.timeout(120_000);
  const { nodes } = useCluster(3);
  const places: Places = {};
  /** Where the host that is cut off led Consul, the others choose a leader first, and say so to whoever is quicker. */
  const start = async (node: Node, name: string) => {
    await until(`${name} to start`, async () => {
      await node.sp(['rm', '-f', name], { reject: false });
      return sleeper(node, name, '-e', 'SP_NETWORK=web').then(Boolean);
    });
    places[name] = node;
  };

  before(async () => {
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    const [first, second, third] = nodes();
    const starts: [Node, string][] = [
      [first!, 'con1'],
      [second!, 'con2'],
      [third!, 'con3'],
      [third!, 'con4'],
    ];
    await Promise.all(starts.map(([node, name]) => start(node, name)));
    await untilAllReach(places, 10_000);
    await untilVoters(first!);
    await third!.cut();
  });

  it('has containers that talk among themselves', async () => {
    expect(await pings(nodes()[2]!, 'con3', 'con4')).to.equal(true);
  });

  it('starts no new ones, and says why within 5 s', async () => {
    expect(await refused(nodes()[2]!)).to.include('Consul does not answer (no cluster leader)');
  });

  it('leaves the others as they are: containers start and find each other', async () => {
    const [first, second] = nodes();
    await Promise.all([start(first!, 'new1'), start(second!, 'new2')]);
    const { con3: _, con4: __, ...here } = places;
    await untilAllReach(here, 20_000);
  });

  it('is back within 15 s of its cable, without a command', async () => {
    const [, , third] = nodes();
    await sleep(LONG_MS);
    expect(await refused(third!)).to.include('Consul does not answer');
    await third!.heal();
    await untilAllReach(places, 120_000);
  });

  it('starts containers again, and no address was given twice', async () => {
    await Promise.all(nodes().map((node, index) => start(node, `late${index + 1}`)));
    await untilAllReach(places, 20_000);
    const addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
    expect(new Set(addresses).size).to.equal(addresses.length);
  });
});
