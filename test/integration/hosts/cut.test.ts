import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { useAddress } from '../../lab/lan.js';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { addressOf, pings, sleeper } from '../agent/suite.js';
import { refused, tunnelsOf, untilAllReach, type Places } from './reach.js';
import { createNetwork, membersOf, untilVoters, useCluster } from './suite.js';

/** By then Consul has lost its leader and its members, and the others have taken the hosts' tunnels away. */
const LONG_MS = 12_000;

const NO_CONSUL =
  /Consul (does not answer \(no cluster leader\)|on \S+ does not answer .*: its servers must run, and be reached from here)/;
const seconds = (since: number) => ((performance.now() - since) / 1_000).toFixed(1);

describe('two hosts that are cut off from the others, and one from the other', function () {
  this.timeout(120_000);
  const { nodes } = useCluster(4);
  const places: Places = {};
  let [first, second, server, client]: Node[] = [];
  let alone: Node[];
  /** Where a host that is cut off led Consul, the others choose a leader first, and say so to whoever is quicker. */
  const start = async (node: Node, name: string) => {
    await until(`${name} to start`, async () => {
      await node.sp(['rm', '-f', name], { reject: false });
      return sleeper(node, name, '-e', 'SP_NETWORK=web').then(Boolean);
    });
    places[name] = node;
  };

  before(async () => {
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await untilVoters(nodes()[0]!);
    const members = await membersOf(nodes()[0]!);
    const isServer = ({ name }: Node) => members.find((member) => member.name === name)?.server === true;
    [first, second, server] = nodes().filter(isServer);
    client = nodes().find((node) => !isServer(node));
    alone = [server!, client!];
    const starts: [Node, string][] = [
      [first!, 'con1'],
      [second!, 'con2'],
      [server!, 'con3'],
      [server!, 'con4'],
      [client!, 'con5'],
      [client!, 'con6'],
    ];
    await Promise.all(starts.map(([node, name]) => start(node, name)));
    await untilAllReach(places, 10_000);
    await Promise.all(alone.map((node) => node.cut()));
  });

  it('have containers that talk among themselves', async () => {
    expect(await pings(server!, 'con3', 'con4')).to.equal(true);
    expect(await pings(client!, 'con5', 'con6')).to.equal(true);
  });

  it('start no new ones, and say why within 5 s, with a server of Consul or without', async () => {
    // A server believes in the leader that it had for up to 4 s.
    for (const said of await Promise.all(alone.map((node) => refused(node))))
      expect(said).to.match(NO_CONSUL);
  });

  it('leave the others as they are: containers start and find each other', async () => {
    await Promise.all([start(first!, 'new1'), start(second!, 'new2')]);
    const { con3: _, con4: __, con5: ___, con6: ____, ...here } = places;
    await untilAllReach(here, 20_000);
  });

  it('are back within 15 s of their cable, without a command', async () => {
    await sleep(LONG_MS);
    for (const said of await Promise.all(alone.map((node) => refused(node))))
      expect(said).to.match(NO_CONSUL);
    const healed = performance.now();
    await Promise.all(alone.map((node) => node.heal()));
    await untilAllReach(places, 120_000);
    console.log(`      ${seconds(healed)} s after the cable`);
  });

  it('start containers again, and no address was given twice', async () => {
    await Promise.all(nodes().map((node, index) => start(node, `late${index + 1}`)));
    await untilAllReach(places, 20_000);
    const addresses = await Promise.all(Object.entries(places).map(([name, node]) => addressOf(node, name)));
    expect(new Set(addresses).size).to.equal(addresses.length);
  });

  it('are followed to another address, without a command', async () => {
    const address = '192.168.108.101';
    await client!.run(['ip', 'address', 'flush', 'dev', 'br-phy']);
    await useAddress(client!.namespace, 'br-phy', address);
    const moved = performance.now();
    await until('the tunnel to lead there', async () => (await tunnelsOf(first!)).includes(address), 60_000);
    await untilAllReach(places, 20_000);
    console.log(`      ${seconds(moved)} s after the change`);
    const members = await membersOf(first!);
    expect(members.find(({ name }) => name === client!.name)).to.deep.include({ address, state: 'up' });
    expect(await tunnelsOf(first!)).to.have.length(3);
  });
});
