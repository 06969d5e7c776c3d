import { expect } from 'chai';
import type { Datapath } from '../../../lib/datapath/datapath.js';
import { gatewayMac } from '../../../lib/datapath/flows/tables.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Remote } from '../../../lib/base/model.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, OUTSIDE, type Lab } from '../../lab/lab.js';
import { ROUTER } from '../../lab/lan.js';
import type { Namespace } from '../../lab/namespace.js';
import { until } from '../../support/until.js';
import {
  carriesTcp,
  createContainers,
  datapathOn,
  DB,
  endpoint,
  flowsOf,
  reaches,
  trace,
  WEB,
} from './suite.js';

const [VX1, VX2, VX3] = ['vxc0a86c01', 'vxc0a86c02', 'vxc0a86c03'] as const;

describe('tunnels between hosts', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let hosts: Host[];
  let paths: Datapath[];
  const containers = createContainers();
  /** What the store would say: every endpoint and the host it is on. */
  const placed = new Map<string, { target: Endpoint; on: number }>();

  const peersOf = (index: number) =>
    hosts.filter((_, other) => other !== index).map(({ address }) => address);
  const remoteOf = ({ network, ip, mac }: Endpoint, on: number): Remote => {
    return { network, ip, mac, peer: hosts[on]!.address };
  };

  async function attach(on: number, n: number, network = WEB): Promise<Namespace> {
    const target = endpoint(n, network);
    const namespace = await containers.attach(paths[on]!, target);
    await publish(target, on);
    return namespace;
  }

  async function publish(target: Endpoint, on: number): Promise<void> {
    placed.set(target.id, { target, on });
    const others = paths.filter((_, index) => index !== on);
    await Promise.all(others.map((path) => path.applyRemotes({ put: [remoteOf(target, on)], drop: [] })));
  }

  /** All that a host's agent would make of the store. */
  async function sync(index: number): Promise<void> {
    const all = [...placed.values()];
    const owned = new Map(all.filter(({ on }) => on === index).map(({ target }) => [target.id, target]));
    const remotes = all.filter(({ on }) => on !== index).map(({ target, on }) => remoteOf(target, on));
    const overlay = { peers: peersOf(index), remotes };
    await paths[index]!.sync([WEB, DB], ({ endpoint: id }) => owned.get(id), overlay);
  }

  /** Echo requests that have got into a namespace. */
  async function echoes(namespace: Namespace): Promise<number> {
    const { stdout } = await namespace.run(['busybox', 'grep', 'Icmp:', '/proc/net/snmp']);
    const [names = [], counts = []] = stdout.split('\n').map((line) => line.split(' '));
    return Number(counts[names.indexOf('InEchos')]);
  }

  /** Sends echo requests for a container in VXLAN packets that are made by hand, as another host would. */
  async function injects(
    from: Namespace,
    to: Host,
    target: Endpoint,
    container: Namespace,
  ): Promise<boolean> {
    const before = await echoes(container);
    const prefix = target.network.subnet.split('/')[1];
    await from.run(['ip', '-batch', '-'], {
      input: [
        `link add forged type vxlan id ${target.network.vni} remote ${to.address} dstport 6680`,
        `link set forged address ${macOf('10.50.0.200')} up`,
        `address add 10.50.0.200/${prefix} dev forged`,
        `neighbour replace ${target.ip} lladdr ${target.mac} dev forged`,
        `route replace ${target.ip}/32 dev forged`,
      ].join('\n'),
    });
    await reaches(from, target.ip, '-I', '10.50.0.200');
    await from.run(['ip', 'link', 'delete', 'forged']);
    return (await echoes(container)) > before;
  }

  before(async () => {
    lab = await createLab();
    hosts = [await lab.addHost(), await lab.addHost(), await lab.addHost()];
    await Promise.all(hosts.map((host) => host.startOvs()));
    paths = hosts.map(datapathOn);
    await Promise.all(hosts.map((_, index) => sync(index)));
    // The forwarding switch is written by the agent's own process, which lives in the host; this one does not.
    await hosts[0]!.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  });

  after(async () => {
    await containers.destroy();
    await lab.destroy();
  });

  it('carry small, large and broken-up packets, and TCP both ways', async () => {
    const [a, b] = [await attach(0, 2), await attach(1, 3)];
    expect(await reaches(a, '10.50.0.3')).to.equal(true);
    expect(await reaches(b, '10.50.0.2')).to.equal(true);
    const { stdout } = await a.run(['ip', '-o', 'link', 'show', 'eth0']);
    expect(stdout).to.include('mtu 1450 ');
    expect(await reaches(a, '10.50.0.3', '-s', '1422'), 'exactly the MTU').to.equal(true);
    expect(await reaches(a, '10.50.0.3', '-s', '8000'), 'fragments').to.equal(true);
    expect(await carriesTcp(a, b, '10.50.0.3', 3_000_000)).to.equal(true);
    expect(await carriesTcp(b, a, '10.50.0.2', 3_000_000)).to.equal(true);
  });

  it('keep networks apart', async () => {
    const [a, b] = [await attach(0, 10, DB), await attach(1, 11, DB)];
    expect(await reaches(a, '10.60.0.11')).to.equal(true);
    expect(await reaches(a, '10.50.0.3')).to.equal(false);
    expect(await reaches(b, '10.50.0.2')).to.equal(false);
  });

  it('carry multicast to the hosts with a container on the network, and to no other', async () => {
    const [a, b] = [await attach(0, 20), await attach(1, 21)];
    await b.run(['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts']);
    const { stdout } = await a.run(['busybox', 'ping', '-c', '2', '-W', '1', '-I', 'eth0', '224.0.0.1'], {
      reject: false,
    });
    expect(stdout).to.include('from 10.50.0.21');
    const flood = (await flowsOf(hosts[0]!))
      .split('\n')
      .filter((flow) => /reg0=0x7,reg1=0,dl_dst=01/.test(flow));
    expect(flood.join('\n'))
      .to.match(/output:/)
      .and.to.include(await ofport(0, VX2));
    expect(flood.join('\n')).to.not.include(await ofport(0, VX3));
  });

  async function ofport(on: number, port: string): Promise<string> {
    return (await hosts[on]!.run(['ovs-vsctl', 'get', 'Interface', port, 'ofport'])).stdout.trim();
  }

  it('take from a container nothing that is not its own', async () => {
    const [a, b] = [await attach(0, 30), await attach(1, 31)];
    expect(await reaches(a, '10.50.0.31')).to.equal(true);
    await a.run(['ip', 'address', 'add', '10.50.0.99/16', 'dev', 'eth0']);
    expect(await reaches(a, '10.50.0.31', '-I', '10.50.0.99'), 'forged address').to.equal(false);
    await a.run(['ip', 'address', 'del', '10.50.0.99/16', 'dev', 'eth0']);
    await a.run(['ip', 'link', 'set', 'eth0', 'address', '02:42:0a:32:00:63']);
    expect(await reaches(a, '10.50.0.31'), 'forged MAC').to.equal(false);
    await a.run(['ip', 'link', 'set', 'eth0', 'address', macOf('10.50.0.30')]);

    const port = `in_port=ovs${endpoint(30, WEB).id.slice(0, 8)}`;
    const frame = `${port},dl_src=${macOf('10.50.0.30')},dl_dst=${macOf('10.50.0.31')}`;
    expect(await trace(hosts[0]!, `${frame},icmp,nw_src=10.50.0.30`)).to.include('192.168.108.2');
    expect(await trace(hosts[0]!, `${frame},icmp,nw_src=10.50.0.30,dl_vlan=5`), 'VLAN tag').to.equal('drop');
    const reply = `arp,arp_op=2,arp_sha=${macOf('10.50.0.30')},arp_spa=10.50.0.30,arp_tpa=10.50.0.31`;
    expect(await trace(hosts[0]!, `${frame},${reply}`), 'ARP reply').to.equal('drop');
    expect(await echoes(b)).to.be.greaterThan(0);
  });

  it('take nothing from a container that makes tunnel packets itself', async () => {
    const [a, b] = [await attach(0, 40), await attach(1, 41)];
    expect(await reaches(a, OUTSIDE), 'it does reach the LAN').to.equal(true);
    const tcp = ['busybox', 'nc', '-w', '2', hosts[1]!.address, '6676'];
    await a.run(tcp, { reject: false });
    expect(await injects(a, hosts[1]!, endpoint(41, WEB), b)).to.equal(false);
    const { stdout } = await hosts[0]!.run(['iptables-save', '-c', '-t', 'filter']);
    const dropped = (port: string) =>
      new RegExp(`\\[[1-9]\\d*:\\d+\\] .* -i sp\\+ .* --dport ${port} -j DROP`);
    expect(stdout, stdout).to.match(dropped('6680')).and.to.match(dropped('6676:6678'));
  });

  it('take nothing from who is no peer', async () => {
    const b = await attach(1, 50);
    const target = endpoint(50, WEB);
    expect(await injects(lab.outside, hosts[1]!, target, b), 'a stranger').to.equal(false);
    await paths[1]!.ensurePeer(ROUTER);
    expect(await injects(lab.outside, hosts[1]!, target, b), 'as a peer').to.equal(true);
    await paths[1]!.removePeer(ROUTER);
    expect(await injects(lab.outside, hosts[1]!, target, b), 'a peer no more').to.equal(false);
  });

  it('never lead from one to another, nor from or to a gateway', async () => {
    const [a, b, c] = [await attach(0, 60), await attach(1, 61), await attach(2, 62)];
    expect(await reaches(a, '10.50.0.62')).to.equal(true);
    expect(await reaches(b, '10.50.0.62')).to.equal(true);
    expect(await reaches(c, '10.50.0.60')).to.equal(true);
    const [own, elsewhere, group] = [macOf('10.50.0.60'), macOf('10.50.0.62'), 'ff:ff:ff:ff:ff:ff'];
    const from = (port: string, source: string, destination: string, more = '') =>
      trace(hosts[0]!, `in_port=${port},dl_src=${source},dl_dst=${destination},ip,nw_src=10.50.0.61${more}`);
    const tunnelled = (source: string, destination: string, more = ',tun_id=7') =>
      from(VX2, source, destination, more);
    const source = macOf('10.50.0.61');
    const gateway = gatewayMac(WEB.vni);

    expect(await tunnelled(source, own)).to.match(/^\d+$/);
    expect(await tunnelled(source, own, ',tun_id=99'), 'VNI that is not here').to.equal('drop');
    expect(await tunnelled(source, own, `,tun_id=${DB.vni}`), 'other network').to.equal('drop');
    expect(await tunnelled(source, own, ',tun_id=7,dl_vlan=5'), 'VLAN').to.equal('drop');
    expect(await tunnelled(source, elsewhere), 'tunnel to tunnel').to.equal('drop');
    expect(await tunnelled(source, gateway), 'to the gateway').to.equal('drop');
    expect(await tunnelled(gateway, own), 'from a gateway').to.equal('drop');
    expect(await tunnelled(source, group), 'group').to.match(/^\d+(,\d+)*$/);
    expect(await from('sp00000007', gateway, elsewhere), 'gateway to tunnel').to.equal('drop');
    expect(await from('sp00000007', gateway, group), 'gateway to group').to.match(/^\d+(,\d+)*$/);
  });

  for (const [order, first] of [
    ['detached before it is attached', true],
    ['attached before it is detached', false],
  ] as const) {
    it(`follow an address that moves, ${order}`, async () => {
      const n = first ? 71 : 72;
      const a = await attach(0, first ? 73 : 74);
      const target = endpoint(n, WEB);
      await attach(2, n);
      expect(await reaches(a, target.ip)).to.equal(true);
      if (first) await paths[2]!.detach(target.id);
      await attach(1, n);
      if (!first) await paths[2]!.detach(target.id);
      await paths[1]!.applyRemotes({ put: [], drop: [target] });
      expect(await reaches(a, target.ip)).to.equal(true);
      const c = await attach(2, first ? 75 : 76);
      expect(await reaches(c, target.ip), 'from where it was').to.equal(true);
    });
  }

  it('follow an address that gets another MAC', async () => {
    const a = await attach(0, 77);
    const target = endpoint(78, WEB);
    await attach(1, 78);
    expect(await reaches(a, target.ip)).to.equal(true);
    await paths[1]!.detach(target.id);
    const again = { ...target, id: 'e'.repeat(64), mac: '02:42:aa:bb:cc:dd' };
    await containers.attach(paths[1]!, again);
    await publish(again, 1);
    placed.delete(target.id);
    await a.run(['ip', 'neighbour', 'flush', 'dev', 'eth0']);
    expect(await reaches(a, target.ip)).to.equal(true);
    expect(await flowsOf(hosts[0]!))
      .to.include(again.mac)
      .and.not.include(target.mac);
  });

  it('are made right without losing a packet', async () => {
    const [a] = [await attach(0, 80), await attach(1, 81)];
    expect(await reaches(a, '10.50.0.81')).to.equal(true);
    const ping = a.run(['busybox', 'ping', '-c', '100', '-i', '0.02', '10.50.0.81'], { reject: false });
    const before = await Promise.all(hosts.map(flowsOf));
    for (let round = 0; round < 3; round++) await Promise.all([sync(0), sync(1)]);
    expect((await ping).stdout).to.match(/100 packets transmitted, 100 packets received/);
    expect((await Promise.all(hosts.map(flowsOf))).map(sorted)).to.deep.equal(before.map(sorted));
  });

  it('go with their peer, and nothing else does', async () => {
    const [a] = [await attach(0, 90), await attach(1, 91), await attach(2, 92)];
    const [before, ports] = [await flowsOf(hosts[0]!), await portsOf(0)];
    const number = await ofport(0, VX3);
    await paths[0]!.removePeer(hosts[2]!.address);
    expect(await portsOf(0)).to.deep.equal(ports.filter((port) => port !== VX3));
    const after = await flowsOf(hosts[0]!);
    expect(after).to.not.match(new RegExp(`(in_port=|output:)"?(${number}|${VX3})\\b`));
    const untouched = sorted(before).filter((flow) => !flow.includes(number) && !isRemoteOn(2, flow));
    expect(sorted(after)).to.include.members(untouched);
    expect(await reaches(a, '10.50.0.91')).to.equal(true);
    expect(await reaches(a, '10.50.0.92')).to.equal(false);
    await paths[0]!.ensurePeer(hosts[2]!.address);
    expect(await reaches(a, '10.50.0.92')).to.equal(true);
    expect(sorted(await flowsOf(hosts[0]!)).length).to.equal(sorted(before).length);
  });

  it('are back after a restart of ovs-vswitchd, and after a pulled cable', async () => {
    const [a, b] = [await attach(0, 100), await attach(1, 101)];
    await hosts[1]!.stop('ovs-vswitchd', 'SIGKILL');
    expect(await reaches(a, '10.50.0.101')).to.equal(false);
    await hosts[1]!.startVswitchd();
    await until('the bridge', () => sync(1).then(() => true));
    expect(await reaches(a, '10.50.0.101')).to.equal(true);
    expect(await carriesTcp(b, a, '10.50.0.100', 50_000)).to.equal(true);
    await hosts[1]!.cut();
    expect(await reaches(a, '10.50.0.101')).to.equal(false);
    await hosts[1]!.heal();
    expect(await reaches(a, '10.50.0.101', '-c', '10')).to.equal(true);
  });

  it('are back when a host has crashed and come up again', async () => {
    const a = await attach(0, 110);
    await hosts[2]!.kill();
    for (const [id, { on }] of placed) if (on === 2) placed.delete(id);
    await hosts[2]!.reboot();
    await hosts[2]!.startOvs();
    paths[2] = datapathOn(hosts[2]!);
    await sync(2);
    expect((await portsOf(2)).sort()).to.deep.equal(['sp00000007', 'sp00000008', VX1, VX2]);
    const c = await attach(2, 111);
    expect(await reaches(c, '10.50.0.110')).to.equal(true);
    expect(await reaches(a, '10.50.0.111')).to.equal(true);
  });

  const sorted = (flows: string) => flows.split('\n').sort();
  const portsOf = async (on: number) =>
    (await hosts[on]!.run(['ovs-vsctl', 'list-ports', 'docker0-ovs'])).stdout.split('\n');

  function isRemoteOn(on: number, flow: string): boolean {
    const theirs = [...placed.values()].filter((place) => place.on === on);
    return theirs.some(
      ({ target: { ip, mac } }) => flow.includes(`arp_tpa=${ip} `) || flow.includes(`dl_dst=${mac} `),
    );
  }
});
