import { accessSync, constants, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { echoFlows } from '../../../lib/datapath/flows/echo.js';
import {
  baseFlows,
  endpointFlows,
  floodFlows,
  gatewayFlows,
} from '../../../lib/datapath/flows/endpoint-flows.js';
import {
  gatewayName,
  isPortName,
  peerName,
  portNames,
  tunnelName,
} from '../../../lib/datapath/device-names.js';
import { applyNat, natRules } from '../../../lib/datapath/kernel/nat.js';
import {
  cookie,
  endpointMatch,
  networkMatch,
  parseCookie,
  remoteMatch,
  tunnelMatch,
} from '../../../lib/datapath/flows/cookie.js';
import { networkMtu } from '../../../lib/datapath/network-mtu.js';
import { gatewayMac } from '../../../lib/datapath/flows/tables.js';
import { remoteFlows, tunnelFlows } from '../../../lib/datapath/flows/tunnel-flows.js';
import type { Network } from '../../../lib/base/model.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 0x0a0b0c };
const MAC = '02:42:0a:00:00:09';
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
const endpoint = { id: 'c'.repeat(64), network: WEB, ip: '10.0.0.9', mac: MAC };

describe('flows', () => {
  it('drop what nothing allows, in every table', () => {
    expect(baseFlows().slice(0, 3)).to.deep.equal([
      'cookie=0x100000000000000,table=0,priority=0,actions=drop',
      'cookie=0x100000000000000,table=1,priority=0,actions=drop',
      'cookie=0x100000000000000,table=2,priority=0,actions=drop',
    ]);
  });

  it("admit from a container's port only its own address and MAC, untagged", () => {
    const admission = endpointFlows({ owner: endpoint, ofport: 100 }).filter((flow) =>
      flow.includes('table=0'),
    );
    const own = `cookie=0x30a0b0c0a000009,table=0,priority=100,in_port=100,dl_src=${MAC},vlan_tci=0x0000`;
    expect(admission).to.deep.equal([
      `${own},ip,nw_src=10.0.0.9,actions=set_field:658188->reg0,goto_table:2`,
      `${own},arp,arp_op=1,arp_sha=${MAC},arp_spa=10.0.0.9,actions=set_field:658188->reg0,goto_table:1`,
    ]);
  });

  it('answer ARP and forward within the VNI', () => {
    const [, , arp, forward] = endpointFlows({ owner: endpoint, ofport: 100 });
    expect(arp)
      .to.include('table=1,priority=100,reg0=658188,arp,arp_tpa=10.0.0.9,')
      .and.to.match(/,in_port$/);
    expect(forward).to.equal(
      `cookie=0x30a0b0c0a000009,table=2,priority=100,reg0=658188,dl_dst=${MAC},actions=output:100`,
    );
  });

  it('let the gateway forward for others, but only with its own MAC', () => {
    const [ip] = gatewayFlows({ owner: WEB, ofport: 7 });
    expect(ip).to.include(`in_port=7,dl_src=${gatewayMac(WEB.vni)},vlan_tci=0x0000,ip,actions=`);
    expect(gatewayMac(WEB.vni)).to.equal('02:53:50:0a:0b:0c');
  });

  it("keep the gateway to this host's containers, whatever comes out of a tunnel", () => {
    const [ip, , arp, forward] = gatewayFlows({ owner: WEB, ofport: 7 });
    expect(ip).to.match(/set_field:2->reg1,goto_table:2$/);
    expect(arp).to.include('table=1,priority=100,reg0=658188,arp,arp_tpa=10.0.0.1,');
    expect(forward).to.include(`reg0=658188,reg1=0,dl_dst=${gatewayMac(WEB.vni)},actions=output:7`);
    expect(baseFlows()[3]).to.equal(
      'cookie=0x100000000000000,table=2,priority=200,reg1=1,dl_src=02:53:50:00:00:00/ff:ff:ff:00:00:00,actions=drop',
    );
  });

  it("flood a container's frames everywhere, and all others to containers only", () => {
    const [own, others] = floodFlows(WEB, { gateway: [7], containers: [100, 101], tunnels: [61440, 61441] });
    expect(own).to.match(
      /priority=60,reg0=658188,reg1=0,dl_dst=01:00.*,actions=output:7,output:100,output:101,set_field:658188->tun_id,output:61440,output:61441$/,
    );
    expect(others).to.match(/priority=50,reg0=658188,dl_dst=01:00.*,actions=output:100,output:101$/);
  });

  it('flood nowhere when there is nobody', () => {
    const [own, others] = floodFlows(WEB, { gateway: [], containers: [], tunnels: [] });
    expect([own, others].every((flow) => flow?.endsWith(',actions=drop'))).to.equal(true);
  });

  it('admit untagged IPv4 from a tunnel, and mark it as such', () => {
    expect(tunnelFlows('192.168.108.2', 61440)).to.deep.equal([
      'cookie=0x4000000c0a86c02,table=0,priority=100,in_port=61440,vlan_tci=0x0000,ip,' +
        'actions=move:NXM_NX_TUN_ID[0..31]->NXM_NX_REG0[],set_field:1->reg1,goto_table:2',
      ...echoFlows('192.168.108.2', 61440),
    ]);
  });

  it("lead this host's containers to another host's, after what is plugged in here", () => {
    const remote = { network: WEB, ip: '10.0.0.9', mac: MAC, peer: '192.168.108.2' };
    const [arp, forward, ...more] = remoteFlows(remote, 61440);
    expect(arp).to.include(
      'cookie=0x50a0b0c0a000009,table=1,priority=90,reg0=658188,reg1=0,arp,arp_tpa=10.0.0.9,',
    );
    expect(forward).to.equal(
      `cookie=0x50a0b0c0a000009,table=2,priority=90,reg0=658188,reg1=0,dl_dst=${MAC},` +
        'actions=set_field:658188->tun_id,output:61440',
    );
    expect(more).to.deep.equal([]);
  });

  it('can be removed by owner', () => {
    expect(endpointMatch(WEB.vni, '10.0.0.9')).to.equal('cookie=0x30a0b0c0a000009/-1');
    expect(networkMatch(WEB.vni)).to.equal('cookie=0x20a0b0c00000000/-1');
    expect(tunnelMatch('192.168.108.2')).to.equal('cookie=0x4000000c0a86c02/-1');
    expect(remoteMatch(WEB.vni, '10.0.0.9')).to.equal('cookie=0x50a0b0c0a000009/-1');
  });

  it('say whose they are', () => {
    for (const kind of ['base', 'network', 'endpoint', 'tunnel', 'remote'] as const) {
      const owner = { kind, vni: 0xffffff, ip: '255.0.1.9' };
      expect(parseCookie(cookie(kind, owner.vni, owner.ip))).to.deep.equal(owner);
    }
    expect(parseCookie(cookie('base'))).to.deep.equal({ kind: 'base', vni: 0, ip: '0.0.0.0' });
    for (const foreign of ['0x0', '0x1', '0xff00000000000000'])
      expect(parseCookie(foreign)).to.equal(undefined);
  });
});

describe('names', () => {
  it('fit Linux and differ by endpoint', () => {
    const [first, second] = portNames('0123456789abcdef'.repeat(4));
    expect([first, second, peerName(first!)]).to.deep.equal(['ovs01234567', 'ovs89abcdef', 'ovp01234567']);
    expect(gatewayName(WEB)).to.equal('sp000a0b0c');
    expect(tunnelName('192.168.108.2')).to.equal('vxc0a86c02');
    for (const name of [first!, gatewayName(WEB)]) expect(name.length).to.be.at.most(15);
  });

  it('tell the host’s end of a link from everything else', () => {
    expect(
      ['ovs01234567', 'ovp01234567', 'ovs-netdev', 'ovs0123456', 'ovs0123456g'].map(isPortName),
    ).to.deep.equal([...[true, false, false, false, false]]);
  });
});

describe('nat', () => {
  const way = { uplink: 'eth0', tunnels: { device: 'eth1', address: '192.168.108.1' } };
  const rulesOf = (chain: string, ...args: Parameters<typeof natRules>) =>
    natRules(...args)
      .split('\n')
      .filter((rule) => rule.startsWith(`-A ${chain} `))
      .map((rule) => rule.slice(`-A ${chain} `.length));

  it('masquerades each network towards everything but itself, in chains of its own', () => {
    const networks = [WEB, { ...WEB, id: 'db', subnet: '10.9.0.0/24', vni: 2 }];
    expect(rulesOf('SOCKETPLANE-POSTROUTING', networks, way)).to.deep.equal([
      '-s 10.0.0.0/16 ! -o sp000a0b0c -j MASQUERADE',
      '-s 10.9.0.0/24 ! -o sp00000002 -j MASQUERADE',
    ]);
    const rules = natRules(networks, way).split('\n');
    expect(rules).to.include(':SOCKETPLANE-POSTROUTING - [0:0]');
    const chains = rules.filter((rule) => rule.startsWith('-A')).map((rule) => rule.split(' ')[1]);
    expect(chains.every((chain) => chain?.startsWith('SOCKETPLANE-'))).to.equal(true);
  });

  it('joins no networks, and lets no container speak to hosts as if it were one', () => {
    const [first, ...rest] = rulesOf('SOCKETPLANE-FORWARD', [WEB], way);
    expect(first).to.equal('-i sp+ -o sp+ -j DROP');
    const accepted = rest.findIndex((rule) => rule.endsWith('ACCEPT'));
    expect(rest.slice(0, accepted)).to.include.members([
      '-i sp+ -p udp --dport 4789 -j DROP',
      '-i sp+ -p tcp --dport 6676:6678 -j DROP',
      '-i docker0 -o eth1 -p udp --dport 4789 -j DROP',
      '-i br-+ -o eth1 -p tcp --dport 6676:6678 -j DROP',
    ]);
  });

  it('masquerades nothing of an internal network, and forwards nothing to or from it', () => {
    const closed: Network = {
      ...WEB,
      id: 'closed',
      subnet: '10.9.0.0/24',
      vni: 2,
      settings: { internal: true },
    };
    const networks = [WEB, closed, { ...WEB, id: 'db', vni: 3, settings: { internal: false } }];
    expect(natRules(networks, way)).to.not.include('10.9.0.0/24');
    const rules = rulesOf('SOCKETPLANE-FORWARD', networks, way);
    expect(rules.slice(0, 3)).to.deep.equal([
      '-i sp00000002 -j DROP',
      '-o sp00000002 -j DROP',
      '-i sp+ -o sp+ -j DROP',
    ]);
    const filter = natRules(networks, way).split('*filter')[1];
    expect(filter, 'only what is forwarded').to.not.match(/INPUT|OUTPUT/);
  });

  it('leads what is asked of a gateway, an internal one too, to the name server there, past all other rules', () => {
    const closed = { ...WEB, id: 'closed', gateway: '10.9.0.1', vni: 2, settings: { internal: true } };
    const to = ({ gateway }: Network, protocol: string) =>
      `-d ${gateway} -p ${protocol} --dport 53 -j DNAT --to-destination ${gateway}:6679`;
    const networks = [WEB, closed];
    const ports = ['udp', 'tcp'];
    expect(rulesOf('SOCKETPLANE-OUTPUT', networks, way)).to.deep.equal(
      networks.flatMap((network) => ports.map((protocol) => to(network, protocol))),
    );
    const nat = natRules(networks, way).split('COMMIT')[0] ?? '';
    for (const network of networks)
      for (const protocol of ports)
        expect(nat).to.include(
          `-A SOCKETPLANE-PREROUTING -i ${gatewayName(network)} ${to(network, protocol)}\n`,
        );
  });

  it("takes the uplink for none of Docker's bridges, whatever its name", () => {
    const rules = rulesOf('SOCKETPLANE-FORWARD', [WEB], { ...way, uplink: 'br-lan' });
    expect(rules.indexOf('-i sp+ -o br-lan -j ACCEPT')).to.be.within(
      0,
      rules.indexOf('-i sp+ -o br-+ -j RETURN'),
    );
  });

  it("lets nothing to Docker's bridges but published ports and answers, about which Docker decides", () => {
    const bridges = ['docker0', 'docker_gwbridge', 'br-0123456789ab'];
    const rules = rulesOf('SOCKETPLANE-FORWARD', [WEB], way, bridges);
    const after = rules.slice(rules.indexOf('-i sp+ -o eth0 -j ACCEPT') + 1);
    expect(after).to.deep.equal([
      ...bridges.flatMap((bridge) => [
        `-i sp+ -o ${bridge} -m conntrack --ctstate DNAT,RELATED,ESTABLISHED -j RETURN`,
        `-i sp+ -o ${bridge} -j DROP`,
      ]),
      // Of those that are made before this is applied again, Docker's rules decide alone.
      '-i sp+ -o br-+ -j RETURN',
      '-i sp+ -j ACCEPT',
    ]);
    expect(rulesOf('SOCKETPLANE-FORWARD', [WEB], way), 'those that are always there').to.include.members([
      '-i sp+ -o docker0 -j DROP',
      '-i sp+ -o docker_gwbridge -j DROP',
    ]);
  });

  describe('is applied', () => {
    /** What `iptables-restore` gets, with these bridges on the host, and all commands. */
    async function apply(links: string, uplink = 'eth0') {
      let input = '';
      const commands: string[] = [];
      const run: Run = async (argv, options) => {
        commands.push(argv.join(' '));
        if (argv[0] === 'iptables-restore') input = String(options?.input);
        // The jump of one table is missing.
        if (argv.includes('-C') && argv.includes('raw'))
          throw new CommandError(argv, 1, '', undefined, undefined);
        return argv[0] === 'ip' ? links : '';
      };
      await applyNat(run, [WEB], { ...way, uplink });
      return { input, commands };
    }

    before(function () {
      const forwarding = '/proc/sys/net/ipv4/ip_forward';
      // It turns forwarding on: where that is off, it stays off.
      if (readFileSync(forwarding, 'utf8') !== '1\n' || !isWritable(forwarding)) this.skip();
    });

    it("for all of Docker's bridges that are there, which are never the uplink", async () => {
      const links = (...names: string[]) => JSON.stringify(names.map((ifname) => ({ ifname })));
      const there = links('docker0', 'br-0123456789ab', 'br-lan', 'virbr0', 'br-fedcba987654');
      const { input } = await apply(there, 'br-fedcba987654');
      const shut = [...input.matchAll(/-A SOCKETPLANE-FORWARD -i sp\+ -o (\S+) -j DROP/g)].map(
        ([, name]) => name,
      );
      expect(shut).to.deep.equal(['sp+', 'docker0', 'docker_gwbridge', 'br-0123456789ab']);
    });

    it('on a host without bridges, and adds the jumps that are missing alone', async () => {
      const { input, commands } = await apply('');
      expect(input).to.include('-A SOCKETPLANE-FORWARD -i sp+ -o docker0 -j DROP');
      expect(commands.filter((command) => command.includes(' -I '))).to.deep.equal([
        'iptables --wait=5 -t raw -I PREROUTING 1 -j SOCKETPLANE-PREROUTING',
      ]);
    });
  });
});

describe('the MTU of a network', () => {
  const mtuOf = (chosen?: string) =>
    networkMtu(
      chosen === undefined ? {} : { settings: { options: { 'com.docker.network.driver.mtu': chosen } } },
      1450,
    );

  it('is what its creator chose, but never more than the underlay carries', () => {
    expect(['1300', '68', '1450', '9000'].map(mtuOf)).to.deep.equal([1300, 68, 1450, 1450]);
  });

  it('is what the underlay carries where nothing sensible was chosen', () => {
    const chosen = [undefined, '', 'large', '-1', '0', '67', '1300.5', '1e3', ' 1300'];
    expect(new Set(chosen.map(mtuOf))).to.deep.equal(new Set([1450]));
    expect(networkMtu({ settings: { internal: true } }, 1450)).to.equal(1450);
  });
});
