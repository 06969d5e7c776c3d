import { expect } from 'chai';
import { nameServers } from '../../../lib/dns/resolv-conf.js';

describe('resolv.conf', () => {
  it('is read for its name servers', () => {
    const text =
      '# nameserver 1.1.1.1\nsearch x\nnameserver 10.0.0.1\n nameserver\tfe80::1%eth0 # x\nnameserver junk\n';
    expect(nameServers(text)).to.deep.equal(['10.0.0.1', 'fe80::1%eth0']);
  });
});
