import { expect } from 'chai';
import type { Datapath, PortRecord } from '../../../lib/datapath/datapath.js';
import type { AppError } from '../../../lib/base/errors.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, OUTSIDE, type Lab } from '../../lab/lab.js';
import type { Namespace } from '../../lab/namespace.js';
import { until } from '../../support/until.js';
import {
  ALONE,
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

describe('Open vSwitch datapath', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let datapath: Datapath;
  const containers = createContainers();
  const attach = (target: Endpoint): Promise<Namespace> => containers.attach(datapath, target);
  const flows = async () => (await flowsOf(host)).split('\n').sort().join('\n');
  const ports = async () => (await host.run(['ovs-vsctl', 'list-ports', 'docker0-ovs'])).stdout;
  const nets = async () => (await host.run(['ip', '-o', 'link'])).stdout;

  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    await host.startOvs();
    datapath = datapathOn(host);
    await datapath.sync([], () => undefined, ALONE);
    // The forwarding switch is written by the agent's own process, which lives in the host; this one does not.
    await host.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await datapath.ensureNetwork(WEB);
    await datapath.ensureNetwork(DB);
  });
  after(async () => {
    await containers.destroy();
    await lab.destroy();
  });

  it('connects two containers of a network, and nobody else', async () => {
    const [a, b, c] = await Promise.all([
      attach(endpoint(2, WEB)),
      attach(endpoint(3, WEB)),
      attach(endpoint(2, DB)),
    ]);
    expect(await reaches(a, '10.50.0.3')).to.equal(true);
    expect(await reaches(b, '10.50.0.2', '-s', '1400')).to.equal(true);
    expect(await reaches(a, '10.50.0.1')).to.equal(true);
    expect(await reaches(a, '10.60.0.2')).to.equal(false);
    expect(await reaches(c, '10.50.0.2')).to.equal(false);
  });

  it('has everything else right where it cannot make a gateway, which comes when the cause is gone', async () => {
    const target = endpoint(15, WEB);
    const a = await attach(target);
    const late: Network = { id: 'late', subnet: '10.71.0.0/16', gateway: '10.71.0.1', vni: 0x63 };
    await host.run(['ip', 'link', 'add', 'sp00000063', 'type', 'veth', 'peer', 'name', 'theirs']);
    const fresh = datapathOn(host);
    const stop = new AbortController();
    fresh.watch(() => undefined, stop.signal);
    await fresh.sync([WEB, DB, late], ({ endpoint: id }) => (id === target.id ? target : undefined), ALONE);
    expect(fresh.problem).to.match(/^network late has no gateway: Open vSwitch says: /);
    expect(await reaches(a, '10.50.0.1')).to.equal(true);

    await host.run(['ip', 'link', 'delete', 'sp00000063']);
    await until('the gateway', () => fresh.problem === undefined);
    stop.abort();
    const { stdout } = await host.run(['ip', '-o', 'address', 'show', 'dev', 'sp00000063']);
    expect(stdout).to.include('10.71.0.1/16');
    await fresh.removeNetwork(late);
    await datapath.sync([WEB, DB], () => undefined, ALONE);
  });

  it('carries TCP', async () => {
    const [a, b] = await Promise.all([attach(endpoint(12, WEB)), attach(endpoint(13, WEB))]);
    expect(await carriesTcp(a, b, '10.50.0.13', 50_000)).to.equal(true);
  });

  it('reaches the outside through the gateway, and the outside reaches nobody', async () => {
    const a = await attach(endpoint(20, WEB));
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    await lab.outside.run(['ip', 'route', 'add', '10.50.0.0/16', 'via', host.address]);
    expect(await reaches(lab.outside, '10.50.0.20')).to.equal(false);
    await lab.outside.run(['ip', 'route', 'del', '10.50.0.0/16']);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
  });

  it('lets nobody use an address, MAC or VLAN tag that is not its own', async () => {
    const [a] = [await attach(endpoint(30, WEB)), await attach(endpoint(31, WEB))];
    expect(await reaches(a, '10.50.0.31')).to.equal(true);
    await a.run(['ip', 'address', 'add', '10.50.0.99/16', 'dev', 'eth0']);
    expect(await reaches(a, '10.50.0.31', '-I', '10.50.0.99'), 'forged address').to.equal(false);
    await a.run(['ip', 'address', 'del', '10.50.0.99/16', 'dev', 'eth0']);

    await a.run(['ip', 'link', 'set', 'eth0', 'address', '02:42:0a:32:00:63']);
    expect(await reaches(a, '10.50.0.31'), 'forged MAC').to.equal(false);
    await a.run(['ip', 'link', 'set', 'eth0', 'address', macOf('10.50.0.30')]);

    const port = `in_port=ovs${endpoint(30, WEB).id.slice(0, 8)}`;
    const frame = `${port},dl_src=${macOf('10.50.0.30')},dl_dst=${macOf('10.50.0.31')},icmp,nw_src=10.50.0.30`;
    expect(await trace(host, frame)).to.match(/^\d+$/);
    for (const tag of ['dl_vlan=5', 'dl_vlan=0']) {
      expect(await trace(host, `${frame},${tag}`), tag).to.equal('drop');
    }
  });

  it('lets nobody past the bridge into the host', async () => {
    const a = await attach(endpoint(40, WEB));
    const port = `ovs${endpoint(40, WEB).id.slice(0, 8)}`;
    const { stdout } = await host.run(['ip', '-o', 'link', 'show', port]);
    const hostEnd = / link\/ether (\S+)/.exec(stdout)?.[1] ?? '';
    // A frame to the MAC of the host's end would be the kernel's, not the bridge's.
    await a.run(['ip', 'neighbour', 'replace', '10.50.0.1', 'lladdr', hostEnd, 'dev', 'eth0']);
    expect(await reaches(a, '10.50.0.1')).to.equal(false);
  });

  it('may be told everything twice', async () => {
    const target = endpoint(50, WEB);
    const a = await attach(target);
    const before = [await flows(), await nets()];
    await datapath.attach(target);
    await datapath.ensureNetwork(WEB);
    expect([await flows(), await nets()]).to.deep.equal(before);
    await attach(endpoint(51, WEB));
    expect(await reaches(a, '10.50.0.51')).to.equal(true);
  });

  it('leaves nothing of an endpoint that could not be attached', async () => {
    const before = [await flows(), await nets(), await ports()];
    const target = { ...endpoint(55, WEB), mac: '01:00:00:00:00:01' };
    const error = await datapath.attach(target).catch((thrown: unknown) => thrown);
    expect((error as AppError).kind).to.equal('internal');
    expect([await flows(), await nets(), await ports()]).to.deep.equal(before);
    await attach(endpoint(55, WEB));
  });

  it('keeps links and gateways to the MTU that the network chose, and to what the underlay carries', async () => {
    const options = (mtu: string) => ({ options: { 'com.docker.network.driver.mtu': mtu } });
    const network: Network = { id: 'mtu', subnet: '10.71.0.0/24', gateway: '10.71.0.200', vni: 98 };
    for (const [n, chosen, mtu] of [
      [2, '1300', 1300],
      [3, '9000', 1450],
    ] as const) {
      const chosenNetwork = { ...network, settings: options(chosen) };
      await datapath.ensureNetwork(chosenNetwork);
      const target = endpoint(n, chosenNetwork);
      const a = await attach(target);
      expect(await reaches(a, '10.71.0.200', '-s', `${mtu - 28}`)).to.equal(true);
      const inside = (await a.run(['ip', '-o', 'link', 'show', 'eth0'])).stdout;
      const gateway = (await host.run(['ip', '-o', 'link', 'show', 'sp00000062'])).stdout;
      expect([inside, gateway].map((text) => / mtu (\d+) /.exec(text)?.[1])).to.deep.equal([
        `${mtu}`,
        `${mtu}`,
      ]);
      await datapath.detach(target.id);
      await datapath.removeNetwork(chosenNetwork);
    }
  });

  it('keeps an internal network to itself, whose gateway answers', async () => {
    const network: Network = {
      ...{ id: 'closed', subnet: '10.72.0.0/24', gateway: '10.72.0.1', vni: 97 },
      settings: { internal: true },
    };
    await datapath.ensureNetwork(network);
    const [a, b] = [await attach(endpoint(2, network)), await attach(endpoint(3, network))];
    expect(await reaches(a, '10.72.0.3')).to.equal(true);
    expect(await reaches(b, '10.72.0.1'), 'the gateway').to.equal(true);
    expect(await reaches(a, OUTSIDE)).to.equal(false);
    await lab.outside.run(['ip', 'route', 'add', '10.72.0.0/24', 'via', host.address]);
    expect(await reaches(a, OUTSIDE), 'with a way back').to.equal(false);
    expect(await reaches(lab.outside, '10.72.0.2')).to.equal(false);
    await lab.outside.run(['ip', 'route', 'del', '10.72.0.0/24']);
    const rules = (await host.run(['iptables-save'])).stdout;
    expect(rules).to.not.include('10.72.0.0/24');
    await Promise.all([2, 3].map((n) => datapath.detach(endpoint(n, network).id)));
    await datapath.removeNetwork(network);
  });

  it('keeps networks apart, and their gateways, when nothing is left of the firewall, and puts it back', async () => {
    const [a, b] = [await attach(endpoint(60, WEB)), await attach(endpoint(60, DB))];
    const save = async () => {
      const lines = (await host.run(['iptables-save'])).stdout.split('\n');
      return lines.filter((line) => line.includes('SOCKETPLANE'));
    };
    const before = await save();
    // What `nft flush ruleset` leaves, as to forwarding.
    const flush = async () => {
      for (const table of ['filter', 'nat', 'mangle', 'raw']) await host.run(['iptables', '-t', table, '-F']);
    };
    await flush();
    const crossings = [
      [a, '10.60.0.60'],
      [a, '10.60.0.1'],
      [b, '10.50.0.60'],
      [b, '10.50.0.1'],
    ] as const;
    const crossed = await Promise.all(crossings.map(([from, to]) => reaches(from, to)));
    expect(crossed).to.deep.equal([false, false, false, false]);
    expect(await reaches(a, '10.50.0.1'), 'its own gateway').to.equal(true);
    const stopping = new AbortController();
    datapath.watch(() => undefined, stopping.signal);
    for (let round = 0; round < 2; round++) {
      await until('the rules', async () => (await save()).join() === before.join());
      expect(await reaches(a, OUTSIDE)).to.equal(true);
      await flush();
    }
    await until('the rules', async () => (await save()).join() === before.join());
    stopping.abort();
  });

  it('has names and tunnels where the firewall lets nothing in, and the outside where it forwards nothing', async () => {
    const a = await attach(endpoint(61, WEB));
    for (const chain of ['INPUT', 'FORWARD']) await host.run(['iptables', '-P', chain, 'DROP']);
    const names = host.spawn(['busybox', 'nc', '-l', '-p', '6679', '-e', 'echo', 'here'], {
      stdio: 'ignore',
    });
    try {
      await until('the listener', async () =>
        (await host.run(['busybox', 'netstat', '-ltn'])).stdout.includes(':6679 '),
      );
      expect((await a.run(['busybox', 'nc', '-w', '5', '10.50.0.1', '53'])).stdout).to.equal('here');
      const other = ['busybox', 'nc', '-w', '2', host.address, '6679'];
      expect((await a.run(other, { reject: false })).exitCode, 'another address of the host').to.not.equal(0);
      expect(await reaches(a, OUTSIDE)).to.equal(true);
    } finally {
      names.kill();
      for (const chain of ['INPUT', 'FORWARD']) await host.run(['iptables', '-P', chain, 'ACCEPT']);
    }
  });

  it("accepts in the set of rules that Docker's are in, where `iptables` means the other", async () => {
    const a = await attach(endpoint(62, WEB));
    const legacy = (...args: string[]) => host.run(['iptables-legacy', ...args]);
    const ours = async (backend: string) =>
      (await host.run([`${backend}-save`])).stdout.includes('SOCKETPLANE-FORWARD');
    await legacy('-N', 'DOCKER');
    await legacy('-P', 'FORWARD', 'DROP');
    expect(await reaches(a, OUTSIDE)).to.equal(false);
    await datapath.ensureNetwork(WEB);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    expect([await ours('iptables-legacy'), await ours('iptables-nft')]).to.deep.equal([true, false]);
    await legacy('-X', 'DOCKER');
    await legacy('-P', 'FORWARD', 'ACCEPT');
    await datapath.ensureNetwork(WEB);
    expect([await ours('iptables-legacy'), await ours('iptables-nft')]).to.deep.equal([false, true]);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
  });

  it('has TCP agree on segments that fit, though the container takes its link for larger than it is', async () => {
    const a = await attach(endpoint(63, WEB));
    // What a Docker in the container has on its own bridge.
    await a.run(['ip', 'link', 'set', 'eth0', 'mtu', '1500']);
    const server = lab.outside.spawn(['busybox', 'nc', '-l', '-p', '77', '-e', 'cat'], { stdio: 'ignore' });
    const listening = async () => (await lab.outside.run(['ss', '-ltnH'])).stdout.includes(':77 ');
    await until('the listener', listening);
    const client = a.spawn(['busybox', 'nc', OUTSIDE, '77'], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      const sent = async () => (await lab.outside.run(['ss', '-tinH', 'sport', '=', ':77'])).stdout;
      await until('the connection', async () => / mss:\d+/.test(await sent()));
      // 1450 less 40 for headers and 12 for timestamps.
      expect(/ mss:(\d+)/.exec(await sent())?.[1]).to.equal('1398');
    } finally {
      client.kill();
      server.kill();
    }
  });

  it('gives every link its port and number again after the bridge was deleted by hand', async () => {
    const owners = [endpoint(56, WEB), endpoint(57, WEB), endpoint(58, DB)];
    const [a, , c] = [await attach(owners[0]!), await attach(owners[1]!), await attach(owners[2]!)];
    await host.run(['ovs-vsctl', 'del-br', 'docker0-ovs']);
    expect(await reaches(a, '10.50.0.57')).to.equal(false);
    const ownerOf = ({ endpoint: id }: PortRecord) => owners.find((owner) => owner.id === id);
    expect(await datapath.sync([WEB, DB], ownerOf, ALONE, owners)).to.deep.equal([]);
    const columns = ['--columns=name,ofport,ofport_request', '--format=json', 'list', 'Interface'];
    const { data } = JSON.parse((await host.run(['ovs-vsctl', ...columns])).stdout) as { data: unknown[][] };
    const numbered = data.filter(([name]) => /^(ovs|sp)/.test(String(name)));
    expect(numbered).to.have.length(5);
    for (const [name, ofport, requested] of numbered) expect(ofport, String(name)).to.equal(requested);
    expect(await reaches(a, '10.50.0.57')).to.equal(true);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    expect(await reaches(c, '10.60.0.1')).to.equal(true);
  });

  it('leaves nothing behind', async () => {
    const before = [await flows(), await nets()];
    const network: Network = { id: 'tmp', subnet: '10.70.0.0/24', gateway: '10.70.0.1', vni: 99 };
    await datapath.ensureNetwork(network);
    const target = endpoint(9, network);
    await attach(target);
    expect(await flows()).to.not.equal(before[0]);
    await datapath.detach(target.id);
    await datapath.detach(target.id);
    await datapath.removeNetwork(network);
    expect([await flows(), await nets()]).to.deep.equal(before);
    const rules = await host.run(['iptables-save']);
    expect(rules.stdout).to.not.include('10.70.0.0');
  });

  it('makes the bridge right without losing a packet, and removes what has no owner', async () => {
    const [a] = [await attach(endpoint(60, WEB)), await attach(endpoint(61, WEB))];
    await attach(endpoint(62, WEB));
    const ping = a.run(['busybox', 'ping', '-c', '60', '-i', '0.02', '10.50.0.61'], { reject: false });
    const owned = new Map([60, 61].map((n) => [endpoint(n, WEB).id, endpoint(n, WEB)]));
    for (let round = 0; round < 5; round++)
      await datapath.sync([WEB], ({ endpoint: id }) => owned.get(id), ALONE);
    expect((await ping).stdout).to.match(/60 packets transmitted, 60 packets received/);
    expect((await datapath.ports()).map(({ endpoint: id }) => id).sort()).to.deep.equal(
      [...owned.keys()].sort(),
    );
    expect(await nets()).to.not.include('sp00000008');
  });

  it('goes on after a restart of ovsdb-server, and beside people who change the bridge', async () => {
    await host.stop('ovsdb-server', 'SIGKILL');
    const began = Date.now();
    const error = await datapath.attach(endpoint(65, WEB)).catch((thrown: unknown) => thrown);
    expect((error as AppError).message).to.match(/Open vSwitch does not answer/);
    expect(Date.now() - began, 'milliseconds').to.be.below(3_000);
    const socket = '--remote=punix:/run/openvswitch/db.sock';
    await host.start('ovsdb-server', ['ovsdb-server', '/var/lib/openvswitch/conf.db', socket, '--pidfile']);
    await host.ready('ovsdb-server', ['ovs-vsctl', '--no-wait', 'show']);
    const byHand = [1, 2, 3, 4].map((n) => `hand${n}`);
    await Promise.all([
      ...[65, 66, 67, 68].map((n) => datapath.attach(endpoint(n, WEB))),
      ...byHand.map((name) =>
        host.run([
          'ovs-vsctl',
          'add-port',
          'docker0-ovs',
          name,
          '--',
          'set',
          'Interface',
          name,
          'type=internal',
        ]),
      ),
    ]);
    const names = [65, 66, 67, 68].map((n) => `ovs${endpoint(n, WEB).id.slice(0, 8)}`);
    expect((await ports()).split('\n')).to.include.members([...names, ...byHand]);
    for (const name of byHand) await host.run(['ovs-vsctl', 'del-port', name]);
    await Promise.all([65, 66, 67, 68].map((n) => datapath.detach(endpoint(n, WEB).id)));
    expect((await ports()).split('\n')).to.not.include.members(names);
  });

  it('notices a restart of ovs-vswitchd and brings everything back', async () => {
    const [a] = [await attach(endpoint(70, WEB)), await attach(endpoint(71, WEB))];
    const owned = new Map([70, 71].map((n) => [endpoint(n, WEB).id, endpoint(n, WEB)]));
    const abort = new AbortController();
    let restarts = 0;
    datapath.watch(() => void restarts++, abort.signal);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await host.stop('ovs-vswitchd', 'SIGKILL');
    const error = await datapath.attach(endpoint(72, WEB)).catch((thrown: unknown) => thrown);
    expect((error as AppError).message).to.match(/Open vSwitch does not answer/);
    await host.startVswitchd();
    await until('the restart to be noticed', async () => restarts > 0);
    await datapath.sync([WEB], ({ endpoint: id }) => owned.get(id), ALONE);
    expect(await reaches(a, '10.50.0.71')).to.equal(true);
    expect(await reaches(a, OUTSIDE)).to.equal(true);
    abort.abort();
  });
});
