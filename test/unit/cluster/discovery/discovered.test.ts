import { expect } from 'chai';
import { createDiscovered } from '../../../../lib/cluster/discovery/discovered.js';

const said = (address: string, gone = false) => ({
  hostId: '',
  cluster: 'socketplane',
  fingerprint: '',
  port: 6676,
  address,
  gone,
});

describe('members that were heard of', () => {
  it('count until they say goodbye, or were not heard again for two minutes', () => {
    let now = 0;
    const discovered = createDiscovered(() => now);
    const addresses = () => discovered.current().map(({ address }) => address);
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) discovered.add(said(address));
    discovered.add(said('192.0.2.1', true));
    expect(addresses()).to.deep.equal(['192.0.2.2', '192.0.2.3']);
    now = 100_000;
    discovered.add(said('192.0.2.2'));
    now = 120_000;
    expect(addresses()).to.deep.equal(['192.0.2.2']);
  });
});
