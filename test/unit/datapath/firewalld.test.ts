import { expect } from 'chai';
import { DEFAULT_VXLAN_PORT } from '../../../lib/base/ports.js';
import {
  commandOf,
  planZones,
  type Passage,
  type FirewallZone,
} from '../../../lib/datapath/firewalld/plan.js';

const ruleFor = (peer: string, port = DEFAULT_VXLAN_PORT) =>
  `rule priority="-6679" family="ipv4" source address="${peer}" port port="${port}" protocol="udp" accept`;

function zone(name: string, settings: Partial<FirewallZone> = {}): FirewallZone {
  return { name, target: 'default', isDefault: false, interfaces: [], sources: [], rules: [], ...settings };
}
const trusted = (...interfaces: string[]) => zone('trusted', { target: 'ACCEPT', interfaces });
const WANTED: Passage = {
  gateways: ['sp00000007'],
  peers: ['192.0.2.2'],
  underlay: 'eth0',
  vxlanPort: DEFAULT_VXLAN_PORT,
};

/** What is to be done, as the user would type it. */
const planned = (zones: FirewallZone[], wanted = WANTED) =>
  planZones(zones, wanted).map((step) => commandOf(step).replace('firewall-cmd --zone=', ''));

describe("the plan for firewalld's zones", () => {
  it('is made for the default zone where the underlay is in none, and empty once it is carried out', () => {
    expect(planned([zone('public', { isDefault: true }), zone('home'), trusted()])).to.deep.equal([
      `public --add-rich-rule='${ruleFor('192.0.2.2')}'`,
      'trusted --change-interface=sp00000007',
    ]);
    const done = zone('public', { isDefault: true, rules: [ruleFor('192.0.2.2')] });
    expect(planned([done, trusted('sp00000007')])).to.deep.equal([]);
  });

  it("goes by the underlay's zone, and by each that has sources, as packets do", () => {
    const zones = [
      zone('public', { isDefault: true, rules: [ruleFor('192.0.2.2')] }),
      zone('dmz', { interfaces: ['eth0'] }),
      zone('home', { sources: ['192.0.2.0/24'] }),
      trusted('sp00000007'),
    ];
    expect(planned(zones)).to.deep.equal([
      `public --remove-rich-rule='${ruleFor('192.0.2.2')}'`,
      `dmz --add-rich-rule='${ruleFor('192.0.2.2')}'`,
      `home --add-rich-rule='${ruleFor('192.0.2.2')}'`,
    ]);
  });

  it('leaves alone what the user has, and a gateway in another zone that accepts', () => {
    const rules = ['rule family="ipv4" source address="192.0.2.9" accept', ruleFor('192.0.2.9', 4790)];
    const zones = [
      zone('public', { isDefault: true, rules: [...rules, ruleFor('192.0.2.2')] }),
      zone('containers', { target: 'ACCEPT', interfaces: ['sp00000007'] }),
      trusted('sp00000001', 'tun0'),
    ];
    expect(planned(zones)).to.deep.equal([
      `public --remove-rich-rule='${ruleFor('192.0.2.9', 4790)}'`,
      'trusted --remove-interface=sp00000001',
    ]);
  });

  it('moves a gateway that is in a zone that rejects', () => {
    const zones = [zone('public', { isDefault: true, interfaces: ['sp00000007'] }), trusted()];
    expect(planned(zones, { ...WANTED, peers: [] })).to.deep.equal(['trusted --change-interface=sp00000007']);
  });
});
