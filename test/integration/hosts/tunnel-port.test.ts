import { expect } from 'chai';
import { CONSUL_SOCKET, type Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { sleeper } from '../agent/suite.js';
import { cluster, clusterFails, configure, useAlone } from './alone.js';
import { untilAllReach, type Places } from './reach.js';
import { PATIENCE_MS, STORY_MS, untilMembers } from './suite.js';

describe('the UDP port of tunnels', function () {
  this.timeout(STORY_MS);
  const { nodes } = useAlone(3);
  const places: Places = {};

  async function portsOf(node: Node): Promise<string[]> {
    const list = ['ovs-vsctl', '--bare', '--columns=options', 'find', 'Interface', 'type=vxlan'];
    const { stdout } = await node.run(list);
    return [...stdout.matchAll(/dst_port="?(\d+)/g)].map(([, port]) => port ?? '');
  }

  async function restartAgent(node: Node): Promise<void> {
    await node.stop('agent');
    await node.startAgent();
  }

  it('is chosen by the host that begins the cluster, and the same on all others', async () => {
    const [first, second, third] = nodes() as [Node, Node, Node];
    expect(await clusterFails(first, 'bootstrap', '--vxlan-port', '6678')).to.match(/not 5353, 6676 to 6679/);
    expect(await clusterFails(first, 'bootstrap', '--vxlan-port', '80')).to.match(/from 1024 to 65535/);
    await cluster(first, 'bootstrap', '--vxlan-port', '7100');
    expect(await cluster(first, 'members')).to.match(/^Tunnels +UDP 7100$/m);
    await cluster(second, 'join', first.address);
    for (const [name, node] of [
      ['con1', first],
      ['con2', second],
    ] as const) {
      await sleeper(node, name);
      places[name] = node;
    }
    await untilAllReach(places);
    expect([await portsOf(first), await portsOf(second)]).to.deep.equal([['7100'], ['7100']]);

    await configure(third, { cluster: { mdns: false, vxlanPort: 7200 } });
    await restartAgent(third);
    expect(await clusterFails(third, 'join', first.address)).to.match(
      /cluster\.vxlanPort is 7200 in this host's agent\.yml, but the cluster sends tunnels to UDP 7100: take it out/,
    );
    expect(await cluster(third, 'members')).to.match(/^this host belongs to no cluster/);
  });

  it('does not follow what a member’s agent.yml says later, which is said in its log', async () => {
    const [first, second] = nodes() as [Node, Node];
    await configure(second, { cluster: { mdns: false, vxlanPort: 7200 } });
    await restartAgent(second);
    await untilMembers([first, second], 2);
    expect(await portsOf(second)).to.deep.equal(['7100']);
    expect(await second.agentLog()).to.include('sends tunnels to UDP 7100, which this host follows');
    await configure(second, { cluster: { mdns: false } });
  });

  it('is that of RFC 7348 in a cluster that was begun before it could be chosen', async () => {
    const both = nodes().slice(0, 2);
    const key = '/v1/kv/socketplane/data/cluster/settings';
    expect((await both[0]!.ask(CONSUL_SOCKET, 'GET', `${key}?raw`)).text).to.equal(
      '{"version":1,"vxlanPort":7100}',
    );
    await both[0]!.ask(CONSUL_SOCKET, 'DELETE', key);
    for (const node of both) await restartAgent(node);
    await untilMembers(both, 2);
    for (const node of both)
      await until('the port', async () => (await portsOf(node)).join() === '4789', PATIENCE_MS);
    await untilAllReach(places);
    expect(await cluster(both[0]!, 'members')).to.match(/^Tunnels +UDP 4789$/m);
  });
});
