import { expect } from 'chai';
import {
  baseFlows,
  endpointFlows,
  endpointMatch,
  floodFlow,
  gatewayFlows,
  gatewayMac,
  networkMatch,
} from '../../../lib/datapath/flows.js';
import { gatewayName, peerName, portNames } from '../../../lib/datapath/names.js';
import { natRules } from '../../../lib/datapath/nat.js';
import type { Network } from '../../../lib/types.js';

const WEB: Network = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 0x0a0b0c };
const MAC = '02:42:0a:00:00:09';
const endpoint = { container: 'c'.repeat(64), network: WEB, ip: '10.0.0.9', mac: MAC };

describe('flows', () => {
  it('drop what nothing allows, in every table', () => {
    expect(baseFlows()).to.deep.equal([
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

  it('flood to the ports of the network, or nowhere', () => {
    expect(floodFlow(WEB, [7, 100])).to.match(/reg0=658188,dl_dst=01:00.*,actions=output:7,output:100$/);
    expect(floodFlow(WEB, [])).to.match(/,actions=drop$/);
  });

  it('can be removed by owner', () => {
    expect(endpointMatch(WEB.vni, '10.0.0.9')).to.equal('cookie=0x30a0b0c0a000009/-1');
    expect(networkMatch(WEB.vni)).to.equal('cookie=0x20a0b0c00000000/-1');
  });
});

describe('names', () => {
  it('fit Linux and differ by container', () => {
    const [first, second] = portNames('0123456789abcdef'.repeat(4));
    expect([first, second, peerName(first!)]).to.deep.equal(['ovs01234567', 'ovs89abcdef', 'ovp01234567']);
    expect(gatewayName(WEB)).to.equal('sp000a0b0c');
    for (const name of [first!, gatewayName(WEB)]) expect(name.length).to.be.at.most(15);
  });
});

describe('nat', () => {
  it('masquerades each network towards everything but itself, in chains of its own', () => {
    const rules = natRules([WEB, { ...WEB, id: 'db', subnet: '10.9.0.0/24', vni: 2 }]).split('\n');
    expect(rules).to.include.members([
      ':SOCKETPLANE-POSTROUTING - [0:0]',
      '-A SOCKETPLANE-POSTROUTING -s 10.0.0.0/16 ! -o sp000a0b0c -j MASQUERADE',
      '-A SOCKETPLANE-POSTROUTING -s 10.9.0.0/24 ! -o sp00000002 -j MASQUERADE',
    ]);
    const chains = rules.filter((rule) => rule.startsWith('-A')).map((rule) => rule.split(' ')[1]);
    expect(chains.every((chain) => chain?.startsWith('SOCKETPLANE-'))).to.equal(true);
    const forward = rules.filter((rule) => rule.startsWith('-A SOCKETPLANE-FORWARD'));
    expect(forward[0], 'first of all, no route between networks').to.match(/-i sp\+ -o sp\+ -j DROP$/);
  });
});
