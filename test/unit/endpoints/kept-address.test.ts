import { expect } from 'chai';
import {
  type AddressSettings,
  isKept,
  isOurChoice,
  keepingSettings,
  userAddress,
} from '../../../lib/endpoints/kept-address.js';
import { attachedOf, E1, IP } from './support.js';

describe('settings of a kept address', () => {
  it('ask for it, and say that it is ours, beside what else there is', () => {
    const settings = {
      Aliases: ['db'],
      IPAMConfig: { IPv4Address: '10.0.0.9', LinkLocalIPs: [] },
      DriverOpts: { taste: 'sweet' },
    };
    const kept = keepingSettings(settings, IP);
    expect(kept).to.deep.include({ Aliases: ['db'] });
    expect(kept.IPAMConfig).to.deep.equal({ IPv4Address: IP, LinkLocalIPs: [] });
    expect(kept.DriverOpts).to.include({ taste: 'sweet' });
    expect(isOurChoice(kept)).to.equal(true);
    expect(userAddress(kept), 'copied to another container').to.equal(undefined);
    expect(isKept({ ...attachedOf(E1), options: kept.DriverOpts })).to.equal(true);
  });

  it('are not those of an address that the user chose', () => {
    const others: AddressSettings['DriverOpts'][] = [
      ...[undefined, null, {}, { taste: 'sweet' }, { 'socketplane.address': 'other' }],
    ];
    for (const DriverOpts of others) {
      const settings = { IPAMConfig: { IPv4Address: IP }, DriverOpts };
      expect(isOurChoice(settings)).to.equal(false);
      expect(userAddress(settings)).to.equal(IP);
    }
    for (const IPAMConfig of [undefined, null, {}, { IPv4Address: null }, { IPv4Address: '' }])
      expect(userAddress({ IPAMConfig })).to.equal(undefined);
    expect(isKept(attachedOf(E1))).to.equal(false);
  });
});
