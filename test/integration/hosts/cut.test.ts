import { expect } from 'chai';
import { useAddress } from '../../lab/lan.js';
import type { Node } from '../../lab/node.js';
import { step } from '../../support/step.js';
import { seconds, until } from '../../support/until.js';
import { addressOf, firstPacketReaches } from '../agent/suite.js';
import { refused, startAtLast, tunnelsOf, untilAllReach, type Places } from './reach.js';
import { createNetwork, membersOf, PATIENCE_MS, STORY_MS, untilVoters, useCluster } from './suite.js';

/** A Consul client that is cut off is silent, knows no leader, or has no connection to its servers: one after the other. */
const NO_CONSUL = /Consul (on \S+ )?(does not answer|failed) \(.+\): (most of )?its servers must run/;

describe('two hosts that are cut off from the others, and one from the other', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(4);
  const places: Places = {};
  let [first, second, server, client]: Node[] = [];
  let cutOff: Node[];
  /** Where a host that is cut off led Consul, the others choose a leader first, and say so to whoever is quicker. */
  const start = async (node: Node, name: string) => {
    await startAtLast(node, name);
    places[name] = node;
  };
  const untilTunnels = (node: Node, others: Node[]) =>
    until(
      `tunnels of ${node.name}`,
      async () => expect(await tunnelsOf(node)).to.have.members(others.map(({ address }) => address)),
      PATIENCE_MS,
    );

  before(async function () {
    this.timeout(STORY_MS);
    await createNetwork(nodes(), 'web', '10.50.0.0/16');
    await untilVoters(nodes()[0]!);
    const members = await membersOf(nodes()[0]!);
    const isServer = ({ name }: Node) => members.find((member) => member.name === name)?.server === true;
    [first, second, server] = nodes().filter(isServer);
    client = nodes().find((node) => !isServer(node));
    cutOff = [server!, client!];
    const starts: [Node, string][] = [
      [first!, 'con1'],
      [second!, 'con2'],
      [server!, 'con3'],
      [server!, 'con4'],
      [client!, 'con5'],
      [client!, 'con6'],
    ];
    await Promise.all(starts.map(([node, name]) => start(node, name)));
    await untilAllReach(places);
  });

  afterEach(() => Promise.all(cutOff.map((node) => node.heal())));

  it('start nothing new and say why within 15 s; with the cable back all is well, without a command', async () => {
    await Promise.all(cutOff.map((node) => node.cut()));
    await step('containers of each talk among themselves', async () => {
      expect(await firstPacketReaches(server!, 'con3', 'con4')).to.equal(true);
      expect(await firstPacketReaches(client!, 'con5', 'con6')).to.equal(true);
    });
    const refusesBoth = async () => {
      for (const said of await Promise.all(cutOff.map((node) => refused(node))))
        expect(said).to.match(NO_CONSUL);
    };
    // A server believes in the leader that it had for up to 4 s.
    await step('no new one starts there, with a server of Consul or without', refusesBoth);
    await step('those of the others start and find each other', async () => {
      await Promise.all([start(first!, 'new1'), start(second!, 'new2')]);
      const { con3: _, con4: __, con5: ___, con6: ____, ...here } = places;
      await untilAllReach(here);
    });
    await step('it stays so when the others have given up the two', async () => {
      await untilTunnels(first!, [second!]);
      await untilTunnels(second!, [first!]);
      await refusesBoth();
    });
    await step('all containers reach each other after the cable is back', async () => {
      const healed = performance.now();
      await Promise.all(cutOff.map((node) => node.heal()));
      await untilAllReach(places);
      console.log(`      ${seconds(healed)} after the cable`);
    });
    await step('containers start again, and no address was given twice', async () => {
      await Promise.all(nodes().map((node, index) => start(node, `late${index + 1}`)));
      await untilAllReach(places);
      const addresses = await Promise.all(
        Object.entries(places).map(([name, node]) => addressOf(node, name)),
      );
      expect(new Set(addresses).size).to.equal(addresses.length);
    });
  });

  it('is followed to another address, without a command: the one that is a client', async () => {
    const address = '192.168.108.101';
    await startAtLast(first!, 'here');
    await startAtLast(client!, 'there');
    await client!.run(['ip', 'address', 'flush', 'dev', 'br-phy']);
    await useAddress(client!.namespace, 'br-phy', address);
    const moved = performance.now();
    const leadsThere = async () => (await tunnelsOf(first!)).includes(address);
    await until('the tunnel to lead there', leadsThere, PATIENCE_MS);
    await untilAllReach({ here: first!, there: client! });
    console.log(`      ${seconds(moved)} after the change`);
    const members = await membersOf(first!);
    expect(members.find(({ name }) => name === client!.name)).to.deep.include({ address, state: 'up' });
    expect(await tunnelsOf(first!)).to.have.length(3);
  });
});
