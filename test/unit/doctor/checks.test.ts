import { expect } from 'chai';
import { clockCheck } from '../../../lib/doctor/checks/clock.js';
import { clusterCheck } from '../../../lib/doctor/checks/cluster.js';
import { consulCheck } from '../../../lib/doctor/checks/consul.js';
import { datapathCheck } from '../../../lib/doctor/checks/datapath.js';
import { dockerHostCheck } from '../../../lib/doctor/checks/docker-host.js';
import { firewallCheck } from '../../../lib/doctor/checks/network/firewall.js';
import { subnetsCheck } from '../../../lib/doctor/checks/network/subnets.js';
import { leasesCheck } from '../../../lib/doctor/checks/leases.js';
import { leftoversCheck, type Held } from '../../../lib/doctor/checks/leftovers.js';
import { linkChecks } from '../../../lib/doctor/checks/network/links.js';
import { peersCheck } from '../../../lib/doctor/checks/network/peers.js';
import { pluginSocketCheck } from '../../../lib/doctor/checks/plugin/socket.js';
import { startOrderCheck } from '../../../lib/doctor/checks/plugin/start-order.js';
import { storeCheck } from '../../../lib/doctor/checks/store.js';
import { tunnelsCheck } from '../../../lib/doctor/checks/network/tunnels.js';
import { underlayCheck } from '../../../lib/doctor/checks/network/underlay.js';
import type { Check } from '../../../lib/doctor/check.js';
import { applyFixes, examine } from '../../../lib/doctor/examine.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';

const [MINE, GONE] = ['a'.repeat(64), 'b'.repeat(64)];
const nothing = async () => undefined;
const levels = async (check: Check) => (await check.inspect()).map(({ level }) => level);
const said = async (check: Check) => (await check.inspect()).map(({ message }) => message).join('\n');

describe('doctor', () => {
  it('goes on after a check that cannot look, and mends what it can', async () => {
    let broken = true;
    const checks: Check[] = [
      { name: 'a', inspect: () => Promise.reject(new Error('no answer')) },
      {
        name: 'b',
        inspect: async () => [
          { level: broken ? 'problem' : 'ok', message: 'b', fix: async () => (broken = false) },
        ],
      },
    ];
    const found = await examine(checks);
    expect(found.map(({ check, level }) => [check, level])).to.deep.equal([
      ['a', 'skipped'],
      ['b', 'problem'],
    ]);
    expect(await applyFixes(found)).to.deep.equal([]);
    expect((await examine(checks))[1]?.level).to.equal('ok');
  });

  it('does not look where what it needs is away, and says so', async () => {
    const away: Check = { name: 'agent', inspect: async () => [{ level: 'problem', message: 'away' }] };
    const needy: Check = { name: 'MTU', needs: 'agent', inspect: () => Promise.reject(new Error('asked')) };
    const needier: Check = { ...needy, name: 'checksums', needs: 'MTU' };
    expect((await examine([away, needy, needier])).slice(1)).to.deep.equal([
      { check: 'MTU', level: 'skipped', message: 'needs the agent' },
      { check: 'checksums', level: 'skipped', message: 'needs the MTU' },
    ]);
  });

  it('finds ports and rules without a container', async () => {
    const port = (name: string, type: string, key: string, value: string) => ({
      ...{ name, type, ofport: 100 },
      externalIds: new Map([[key, value]]),
    });
    const interfaces = [
      port('ovsaaaaaaaa', '', 'socketplane-endpoint', MINE),
      port('ovsbbbbbbbb', '', 'socketplane-endpoint', GONE),
      port('vxc0a86c02', 'vxlan', 'socketplane-peer', '192.0.2.2'),
    ];
    // Those of an endpoint that runs, of one that does not, of one that is gone, and of one on another host.
    const cookies = ['0x30000070a000002', '0x30000070a000003', '0x30000070a000009', '0x50000070a000008'];
    let held: Held[] = [
      { endpoint: MINE, vni: 7, ip: '10.0.0.2' },
      { vni: 7, ip: '10.0.0.3' },
    ];
    let mended = 0;
    const check = leftoversCheck({
      run: async (argv) =>
        argv.at(-1) === 'docker0-ovs' ? cookies.map((one) => ` cookie=${one}, table=0`).join('\n') : '',
      interfaces: async () => interfaces,
      bridge: async () => 'docker0-ovs',
      held: async () => held,
      converge: async () => mended++,
    });
    const found = await examine([check]);
    expect(found.map(({ level, message }) => `${level}: ${message}`)).to.deep.equal([
      'problem: port ovsbbbbbbbb belongs to no container',
      'problem: rules for 10.0.0.3 on VNI 7, which no running container has',
      'problem: rules for 10.0.0.9 on VNI 7, which no running container has',
    ]);
    await applyFixes(found);
    expect(mended).to.be.greaterThan(0);
    held = [
      { endpoint: MINE, vni: 7, ip: '10.0.0.2' },
      { endpoint: GONE, vni: 7, ip: '10.0.0.3' },
      { endpoint: 'd'.repeat(64), vni: 7, ip: '10.0.0.9' },
    ];
    expect(await said(check)).to.equal('none: every port and rule has its container');
  });

  it('finds addresses whose container is gone', async () => {
    const check = leasesCheck({
      leased: async () => [
        { name: 'con1', container: MINE },
        { name: 'con2', container: GONE },
      ],
      containers: async () => new Set([MINE]),
      converge: nothing,
    });
    expect(await said(check)).to.equal('container con2 is gone and its address is not free');
  });

  it('finds and mends MTU and checksums of containers', async () => {
    const link = { mtu: 1500, tx: 'on' };
    const mac = '02:42:0a:00:00:02';
    const changed: string[] = [];
    const run: Run = async (argv) => {
      const words = argv.join(' ');
      if (words.includes('ip -json'))
        return JSON.stringify([
          { ifname: 'lo', mtu: 65536 },
          { ifname: 'eth7', address: mac, mtu: link.mtu },
        ]);
      if (words.includes('dev')) changed.push(argv[argv.indexOf('dev') + 1] ?? '');
      if (words.includes('mtu')) link.mtu = Number(argv.at(-1));
      if (words.includes('-K')) link.tx = 'off';
      return `tx-checksumming: ${link.tx}\n`;
    };
    const checks = linkChecks({
      run,
      attached: async () => [{ name: 'con1', pid: '42', port: 'ovs1', mac, mtu: 1450 }],
      configuration: async () => ({ bridge_mtu: 1450, datapath: 'userspace' }),
    });
    const found = await examine(checks);
    expect(found.map(({ level }) => level)).to.deep.equal(['problem', 'problem']);
    await applyFixes(found);
    expect((await examine(checks)).map(({ level }) => level)).to.deep.equal(['ok', 'ok']);
    expect(changed).to.deep.equal(['ovs1', 'eth7']);
  });

  it('names networks that hide what the host reaches elsewhere', async () => {
    const networks = async () => [
      { id: 'web', subnet: '10.50.0.0/16' },
      { id: 'db', subnet: '10.60.0.0/16' },
    ];
    const around = [{ subnet: '10.60.7.7', what: 'the name server 10.60.7.7' }];
    const check = subnetsCheck({ networks, routes: async () => around });
    expect(await said(check)).to.equal(
      'network db (10.60.0.0/16) and the name server 10.60.7.7 of this host share addresses: one hides the other',
    );
    around.length = 0;
    expect(await levels(check)).to.deep.equal(['ok']);
  });

  it('names the rule that keeps tunnels out, and what stands before ours', async () => {
    const jump = (chain: string) => `-A ${chain} -j SOCKETPLANE-${chain}`;
    let input = `-A INPUT -p udp -m udp --dport 7000 -j DROP\n${jump('INPUT')}`;
    let forward = `-A FORWARD -j DROP\n${jump('FORWARD')}`;
    const run: Run = async (argv) => {
      const chain = argv.at(-1) ?? '';
      if (argv.includes('mangle')) return '-A FORWARD -j SOCKETPLANE-MSS';
      const isFilter = argv.includes('filter');
      if (chain === 'OUTPUT' && isFilter) throw new CommandError(argv, 1, 'no chain', undefined, undefined);
      return chain === 'INPUT' ? input : chain === 'FORWARD' ? forward : jump(chain);
    };
    const check = firewallCheck(run, nothing, async () => 7000);
    const [blocked, before] = await check.inspect();
    expect(blocked?.advice).to.equal('iptables -D INPUT -p udp -m udp --dport 7000 -j DROP');
    expect(before?.level).to.equal('warning');
    [input, forward] = [jump('INPUT'), jump('FORWARD')];
    expect(await said(check)).to.equal('lets tunnels and containers through');
    [input, forward] = ['-P INPUT DROP', jump('FORWARD')];
    expect(await said(check)).to.equal('our rules are missing from filter INPUT');
    input = `-A INPUT -j DROP\n${jump('INPUT')}`;
    expect(await said(check)).to.match(/may drop what containers ask their name server/);
  });

  it('tells a path that loses large packets from a host that is silent', async () => {
    const run: Run = async (argv) => {
      if (argv.at(-1) === '192.0.2.3' || Number(argv.at(-2)) > 1_000) throw new Error('lost');
      return '';
    };
    const peers = [
      { name: 'h2', address: '192.0.2.2' },
      { name: 'h3', address: '192.0.2.3' },
    ];
    const check = peersCheck({ run, mtu: async () => 1450, peers: async () => peers });
    expect(await levels(check)).to.deep.equal(['problem', 'warning']);
    expect(await said(check)).to.include('those of 1500 bytes do not');
  });

  it('does not take a host without ping for one that nobody answers', async () => {
    const run: Run = (argv) => Promise.reject(new CommandError(argv, undefined, '', 'ENOENT', undefined));
    const peers = async () => [{ name: 'h2', address: '192.0.2.2' }];
    const [found] = await examine([peersCheck({ run, mtu: async () => 1450, peers })]);
    expect(found?.level).to.equal('skipped');
    expect(found?.message).to.include('iputils-ping');
  });

  it('names the host that packets of tunnels do not get to', async () => {
    const peers = async () => [
      { name: 'h2', address: '192.0.2.2' },
      { name: 'h3', address: '192.0.2.3' },
    ];
    let problem: string | undefined = 'no tunnels to other hosts: no bridge';
    const check = tunnelsCheck({
      peers,
      port: async () => 7000,
      problem: async () => problem,
      reach: async () => new Set(['192.0.2.2']),
    });
    expect(await said(check)).to.equal(problem);
    problem = undefined;
    const [fine, blocked] = await check.inspect();
    expect(fine?.level).to.equal('ok');
    expect(blocked).to.include({
      level: 'problem',
      message: 'h3: no packet of a tunnel gets to 192.0.2.3 and back',
    });
    expect(blocked?.advice).to.include('UDP 7000');
  });

  it('finds a port that answers ARP in place of its bridge, and has it be silent', async () => {
    const eth0 = { ifname: 'eth0', address: '52:54:00:00:00:01', flags: ['UP'] };
    const bridge = { ifname: 'br-phy', address: '0a:00:00:00:00:02', flags: ['UP'] };
    const run: Run = async (argv) => {
      const words = argv.join(' ');
      if (words === 'ip -json link show') return JSON.stringify([eth0, bridge]);
      if (words === 'ip link set dev eth0 arp off') eth0.flags.push('NOARP');
      return words === 'ovs-vsctl --no-syslog list-br' ? 'br-phy\n' : 'eth0\ntap0\n';
    };
    const checkOf = (device: string | undefined, arpIgnore = 0) =>
      underlayCheck({ run, device: async () => device, arpIgnore: async () => arpIgnore });
    expect(await levels(checkOf('br-phy', 1)), 'asked for itself only').to.deep.equal(['ok']);
    bridge.address = eth0.address;
    expect(await levels(checkOf('br-phy')), 'one address').to.deep.equal(['ok']);
    bridge.address = '0a:00:00:00:00:02';
    const found = await examine([checkOf('br-phy')]);
    expect(found[0]?.message).to.match(/^eth0, a port of br-phy, answers ARP as well/);
    await applyFixes(found);
    for (const device of ['br-phy', 'eth0', undefined])
      expect(await levels(checkOf(device)), device).to.deep.equal(['ok']);
  });

  it('tells by how much the clock of another host is wrong', async () => {
    const [own, other] = ['192.0.2.1', '192.0.2.2'];
    const at = (stamps: string) =>
      clockCheck({
        run: async () =>
          `64 bytes from ${other}: icmp_seq=1 ttl=64 time=0.06 ms\n${stamps}\n\n--- statistics ---`,
        own: async () => own,
        peers: async () => [{ name: 'h2', address: other }],
      });
    const stamps = (difference: number) => `TS: \t${own}\t11248567 absolute\n\t${other}\t${difference}`;
    expect(await said(at(stamps(3)))).to.equal('h2 has the same time');
    expect(await levels(at(stamps(-5_300)))).to.deep.equal(['warning']);
    expect(await said(at(stamps(-5_300)))).to.equal('of h2 is 5.3 s behind');
    expect(await said(at(stamps(60_000 - 86_400_000))), 'midnight between').to.equal('of h2 is 60.0 s ahead');
    expect(await levels(at(''))).to.deep.equal(['skipped']);
    expect(await levels(at(`TS: \t${own}\t11248567 absolute`))).to.deep.equal(['skipped']);
  });

  it('compares the Consuls of all hosts', async () => {
    const at = (...versions: string[]) =>
      consulCheck({
        wanted: '1.8',
        members: async () => versions.map((version, index) => ({ name: `h${index + 1}`, version })),
      });
    expect(await said(at('1.8.7', '1.8.7'))).to.equal('is 1.8.7 on all hosts');
    expect(await levels(at('1.20.1', '1.8.7'))).to.deep.equal(['warning']);
    expect(await said(at('1.20.1', '1.8.7'))).to.equal('differs: h1 has 1.20.1, h2 has 1.8.7');
    expect(await levels(at('1.8.7', '1.7.4'))).to.deep.equal(['problem']);
    expect(await said(at('1.8.7', '1.7.4'))).to.equal('h2 has 1.7.4, but 1.8 or later is needed');
    const none = consulCheck({ wanted: '1.8', members: async () => undefined });
    expect(await levels(none)).to.deep.equal(['ok']);
  });

  it('knows a member from a host that waits, and what a silent server means', async () => {
    const at = (state: string, ...states: string[]) =>
      clusterCheck(async () => ({
        state,
        name: 'c',
        members: states.map((state, index) => ({ name: `h${index}`, state, server: index === 0 })),
      }));
    expect(await levels(at('none'))).to.deep.equal(['ok']);
    expect(await levels(at('seeking'))).to.deep.equal(['problem']);
    expect(await levels(at('member', 'silent', 'silent', 'up'))).to.deep.equal(['problem', 'warning']);
  });

  it('tells a store that does not answer, and whose it is', async () => {
    const at = (store: string, external?: string) =>
      storeCheck({ health: async () => ({ store }), external: async () => external });
    expect(await levels(at('ok'))).to.deep.equal(['ok']);
    expect(await said(at('ok', '192.0.2.9:8500'))).to.equal('answers (Consul at 192.0.2.9:8500)');
    expect(await levels(at('Consul has no leader'))).to.deep.equal(['problem']);
  });

  it('compares the datapath with what the kernel has', async () => {
    const at = (wanted: 'auto' | 'userspace', used: string, hasKernel: boolean) =>
      levels(
        datapathCheck({
          wanted: async () => wanted,
          used: async () => used,
          hasKernel: async () => hasKernel,
        }),
      );
    expect(await at('auto', 'kernel', true)).to.deep.equal(['ok']);
    expect(await at('auto', 'kernel', false)).to.deep.equal(['problem']);
    expect(await at('auto', 'userspace', true)).to.deep.equal(['warning']);
    expect(await at('auto', 'userspace', false)).to.deep.equal(['ok']);
    expect(await at('userspace', 'userspace', true)).to.deep.equal(['ok']);
  });

  it('warns of a DOCKER_HOST that leads past the proxy', async () => {
    const check = (DOCKER_HOST?: string) => dockerHostCheck({ DOCKER_HOST }, '/run/p.sock');
    expect(await levels(check())).to.deep.equal(['ok']);
    expect(await levels(check('unix:///run/p.sock'))).to.deep.equal(['ok']);
    expect(await levels(check('unix:///var/run/docker.sock'))).to.deep.equal(['warning']);
  });

  it('tells a plugin socket that is missing from one that a dead process left, and starts its holder', async () => {
    let code: string | undefined = 'ENOENT';
    const check = pluginSocketCheck({
      socket: '/run/docker/plugins/socketplane.sock',
      async activate() {
        if (code !== undefined) throw Object.assign(new Error(`connect ${code}`), { code });
      },
      start: async () => (code = undefined),
      command: 'socketplane',
    });
    expect(await said(check)).to.equal(
      '/run/docker/plugins/socketplane.sock is missing: Docker has no driver socketplane',
    );
    code = 'ECONNREFUSED';
    const found = await examine([check]);
    expect(found[0]?.message).to.match(/^nothing listens on .*: Docker waits 15 s for it/);
    expect(found[0]?.advice).to.include('`socketplane agent start`');
    expect(await applyFixes(found)).to.deep.equal([]);
    expect(await levels(check)).to.deep.equal(['ok']);
    code = 'EPIPE';
    expect(await said(check)).to.equal('does not answer: connect EPIPE');
  });

  it('finds a unit of the plugin that starts after Docker, or not at all', async () => {
    let unit = { LoadState: 'loaded', UnitFileState: 'disabled', Before: 'shutdown.target docker.service.d' };
    const options = {
      unit: 'socketplane-plugin.service',
      show: async (...names: string[]) =>
        Object.entries(unit)
          .filter(([name]) => names.includes(name))
          .map((pair) => pair.join('='))
          .join('\n'),
      enable: async () => (unit = { ...unit, UnitFileState: 'enabled' }),
      command: 'socketplane',
    };
    const check = startOrderCheck({ ...options, systemd: true });
    const found = await examine([check]);
    expect(found.map(({ message }) => message.split(':')[0])).to.deep.equal([
      'socketplane-plugin.service does not start before docker.service',
      'socketplane-plugin.service is not enabled',
    ]);
    await applyFixes(found);
    expect(await levels(check)).to.deep.equal(['problem']);
    unit.Before = 'multi-user.target docker.service shutdown.target';
    expect(await levels(check)).to.deep.equal(['ok']);
    unit.LoadState = 'not-found';
    expect(await levels(check)).to.deep.equal(['warning']);
    expect(await levels(startOrderCheck({ ...options, systemd: false }))).to.deep.equal(['ok']);
  });
});
