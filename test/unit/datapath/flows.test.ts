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

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 0x0a0b0c };
const MAC = '02:42:0a:00:00:09';
const endpoint = { id: 'c'.repeat(64), network: WEB, ip: '10.0.0.9', mac: MAC };

describe('flows', () => {
  it('drop what nothing allows, in every table', () => {
    expect(baseFlows().slice(0, 5)).to.deep.equal([
      'cookie=0x100000000000000,table=0,priority=0,actions=drop',
      'cookie=0x100000000000000,table=1,priority=0,actions=drop',
      'cookie=0x100000000000000,table=2,priority=0,actions=drop',
      'cookie=0x100000000000000,table=3,priority=0,actions=drop',
      'cookie=0x100000000000000,table=4,priority=0,actions=drop',
    ]);
  });

  it("admit from a container's port only its own address and MAC, untagged", () => {
    const admission = endpointFlows({ owner: endpoint, ofport: 100 }).filter((flow) =>
      flow.includes('table=0'),
    );
    const own = `cookie=0x30a0b0c0a000009,table=0,priority=100,in_port=100,dl_src=${MAC},vlan_tci=0x0000`;
    expect(admission).to.deep.equal([
      `${own},ip,nw_src=10.0.0.9,actions=set_field:658188->reg0,goto_table:3`,
      `${own},arp,arp_op=1,arp_sha=${MAC},arp_spa=10.0.0.9,actions=set_field:658188->reg0,goto_table:1`,
    ]);
  });

  it('answer ARP and forward within the VNI', () => {
    const [, , arp, forward] = endpointFlows({ owner: endpoint, ofport: 100 });
    expect(arp)
      .to.include('table=1,priority=100,reg0=658188,arp,arp_tpa=10.0.0.9,')
      .and.to.match(/,in_port$/);
    expect(forward).to.equal(
      `cookie=0x30a0b0c0a000009,table=3,priority=100,reg0=658188,dl_dst=${MAC},actions=output:100`,
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
    expect(forward).to.include(`reg0=658188,reg1=0,dl_dst=${gatewayMac(WEB.vni)},actions=goto_table:4`);
    expect(baseFlows()[5]).to.equal(
      'cookie=0x100000000000000,table=3,priority=200,reg1=1,dl_src=02:53:50:00:00:00/ff:ff:ff:00:00:00,actions=drop',
    );
  });

  it('let nothing pass a gateway that is from or for another network', () => {
    const passage = gatewayFlows({ owner: WEB, ofport: 7 }).slice(4);
    const [out, into] = [4, 2].map((table) => `cookie=0x20a0b0c00000000,table=${table}`);
    expect(passage).to.deep.equal([
      `${out},priority=30,reg0=658188,ip,nw_dst=10.0.0.0/16,actions=output:7`,
      `${out},priority=20,ip,nw_dst=10.0.0.0/16,actions=drop`,
      `${out},priority=10,reg0=658188,actions=output:7`,
      `${into},priority=30,reg0=658188,ip,nw_src=10.0.0.0/16,actions=goto_table:3`,
      `${into},priority=20,ip,nw_src=10.0.0.0/16,actions=drop`,
      `${into},priority=10,reg0=658188,actions=goto_table:3`,
    ]);
  });

  it("let nothing pass an internal network's gateway but what is for itself, or its own", () => {
    const owner = { ...WEB, settings: { internal: true } };
    const passage = gatewayFlows({ owner, ofport: 7 }).slice(4);
    const [out, into] = [4, 2].map((table) => `cookie=0x20a0b0c00000000,table=${table}`);
    expect(passage).to.deep.equal([
      `${out},priority=30,reg0=658188,ip,nw_dst=10.0.0.1,actions=output:7`,
      `${out},priority=20,ip,nw_dst=10.0.0.0/16,actions=drop`,
      `${into},priority=30,reg0=658188,ip,nw_src=10.0.0.1,actions=goto_table:3`,
      `${into},priority=20,ip,nw_src=10.0.0.0/16,actions=drop`,
    ]);
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
        'actions=move:NXM_NX_TUN_ID[0..31]->NXM_NX_REG0[],set_field:1->reg1,goto_table:3',
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
      `cookie=0x50a0b0c0a000009,table=3,priority=90,reg0=658188,reg1=0,dl_dst=${MAC},` +
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
