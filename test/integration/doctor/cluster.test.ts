import { join } from 'node:path';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { AGENT_SOCKET, type Node } from '../../lab/node.js';
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

  it('names a tunnel that Open vSwitch cannot make, as do agent and metrics, until it comes up by itself', async () => {
    const [first, second] = nodes();
    const vsctl = (...argv: string[]) => first!.run(['ovs-vsctl', '--timeout=10', ...argv]);
    const options = Object.entries({
      ...{ remote_ip: second!.address, local_ip: first!.address, key: 'flow', dst_port: '6680' },
    }).map(([key, value]) => `options:${key}=${value}`);
    await vsctl(
      ...['del-port', 'docker0-ovs', 'vxc0a86c02', '--', 'add-port', 'docker0-ovs', 'theirs'],
      ...['--', 'set', 'Interface', 'theirs', 'type=vxlan', ...options],
    );
    expect(await first!.api('POST', '/converge')).to.deep.include({ status: 200, body: { ok: true } });
    const why =
      /^no tunnels? to .*: something else on this host has UDP 6680, such as .*\(Open vSwitch: .*File exists\)/;
    const { status, body } = await first!.api('GET', '/healthz');
    expect([status, (body as { status: string }).status]).to.deep.equal([503, 'degraded']);
    expect((body as { ovs: string }).ovs).to.match(why);
    const { stdout: info } = await first!.run([COMMAND, 'info']);
    expect(info).to.match(
      /^Open vSwitch +no tunnels to other hosts: something else on this host has UDP 6680/m,
    );
    const { stdout: members } = await first!.run([COMMAND, 'cluster', 'members']);
    expect(members)
      .to.match(/^h2 .* no tunnel /m)
      .and.to.match(/^no tunnel to h2: something else/m);
    expect(about(await doctor(first!), 'tunnels').join()).to.match(
      /^problem: h2: something else on this host/,
    );
    const metrics = await first!.ask(AGENT_SOCKET, 'GET', '/v0.1/metrics');
    expect(metrics.text).to.include('\nsocketplane_tunnels_failed 1\n');

    await vsctl('del-port', 'docker0-ovs', 'theirs');
    await until('the tunnel to come up', async () =>
      (await membersOf(first!)).every(({ state }) => state === 'up'),
    );
    expect(about(await doctor(first!), 'tunnels').join()).to.equal('ok: h2: its packets get there and back');
    const said = (await first!.agentLog()).match(/the tunnel to \S+ (does not work|works again)/g);
    expect(said).to.deep.equal(
      ['does not work', 'works again'].map((end) => `the tunnel to ${second!.address} ${end}`),
    );
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
