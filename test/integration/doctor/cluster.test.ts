import { join } from 'node:path';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import type { Node } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { membersOf, useCluster } from '../hosts/suite.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');

interface Said {
  check: string;
  level: string;
  message: string;
}

describe('socketplane doctor on two hosts', function () {
  this.timeout(START_MS);
  const { nodes } = useCluster(2);

  async function doctor(node: Node, ...options: string[]): Promise<Said[]> {
    const { stdout } = await node.run([COMMAND, 'doctor', '--json', ...options], { reject: false });
    return JSON.parse(stdout) as Said[];
  }
  const about = (said: Said[], name: string) =>
    said.filter(({ check }) => check === name).map(({ level, message }) => `${level}: ${message}`);

  it('finds nothing where both are well', async () => {
    for (const node of nodes()) {
      const said = await doctor(node);
      expect(said.filter(({ level }) => level !== 'ok')).to.deep.equal([]);
      expect(about(said, 'cluster')).to.deep.equal(['ok: member of socketplane, 2 hosts, all of them up']);
      expect(about(said, 'Consul')[0]).to.match(/^ok: is \d+\.\d+\.\d+ on all hosts$/);
      expect(about(said, 'tunnels')[0]).to.include('its packets get there and back');
      expect(about(said, 'clock')[0]).to.include('has the same time');
      expect(about(said, 'peers')[0]).to.include('packets of 1500 bytes get there');
    }
  });

  it('names the host that large packets do not get to', async () => {
    const [first, second] = nodes();
    const { address, name } = (await membersOf(first!)).find((member) => member.name === second!.name)!;
    const rule = ['OUTPUT', '-d', address, '-p', 'icmp', '-m', 'length', '--length', '1000:', '-j', 'DROP'];
    await first!.run(['iptables', '-I', ...rule]);
    const said = about(await doctor(first!), 'peers');
    await first!.run(['iptables', '-D', ...rule]);
    expect(said).to.deep.equal([
      `problem: ${name}: small packets get to ${address}, those of 1500 bytes do not: TCP will stall`,
    ]);
  });

  it('names the host that packets of tunnels do not get to', async () => {
    const [first, second] = nodes();
    await second!.run(['ovs-ofctl', 'add-flow', 'br-phy', 'priority=9,udp,tp_dst=6680,actions=drop']);
    const said = about(await doctor(first!), 'tunnels');
    await second!.run(['ovs-ofctl', 'del-flows', 'br-phy', 'udp,tp_dst=6680']);
    expect(said.join()).to.match(/^problem: h2: no packet of a tunnel gets to \S+ and back$/);
    expect(about(await doctor(first!), 'tunnels').join()).to.equal('ok: h2: its packets get there and back');
  });

  it('has a port of the underlay be silent that answers ARP in place of its bridge', async () => {
    const [first] = nodes();
    await first!.run(['ip', 'link', 'set', 'dev', 'eth0', 'address', '02:42:00:00:00:99', 'arp', 'on']);
    const said = about(await doctor(first!), 'underlay');
    const mended = about(await doctor(first!, '--fix'), 'underlay');
    expect(said.join()).to.match(/^problem: eth0, a port of br-phy, answers ARP as well, with another/);
    expect(mended).to.deep.equal(['ok: is br-phy, which alone answers ARP']);
  });

  it('names the host that is silent', async () => {
    const [first, second] = nodes();
    await second!.kill();
    await until('the silence to be heard', async () =>
      (await membersOf(first!)).some(({ state }) => state === 'silent'),
    );
    const said = about(await doctor(first!), 'cluster');
    expect(said.join()).to.include(`${second!.name} says nothing`);
  });
});
