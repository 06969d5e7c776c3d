import { expect } from 'chai';
import { createAddressChooser } from '../../../lib/ipam/choose-address.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createLeaseIndex } from '../../../lib/ipam/lease-index.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { storedLeases } from '../../support/leases.js';

const SUBNET = '10.0.0.0/16';

describe('the choice of addresses', () => {
  it('moves once when many are lost together, and goes on from there in a row', () => {
    let asked = 0;
    const chooser = createAddressChooser(createLeaseIndex('h1'), () => (asked++, 0.5));
    const lost = Array.from({ length: 40 }, () => chooser.choose('web', SUBNET) ?? '');
    const next = lost.map((ip) => {
      chooser.scatter('web', SUBNET, ip);
      chooser.done('web', ip);
      return chooser.choose('web', SUBNET);
    });
    expect(asked).to.equal(1);
    expect([next[0], next[1], next[39]]).to.deep.equal(['10.0.128.0', '10.0.128.1', '10.0.128.39']);
  });

  it('begins anew where a network of this name has another subnet now', () => {
    for (const [before, after] of [
      ['10.1.0.0/24', '10.0.0.0/24'],
      ['10.0.0.0/24', '10.1.0.0/24'],
    ] as const) {
      const chooser = createAddressChooser(createLeaseIndex('h1'));
      chooser.done('web', chooser.choose('web', before) ?? '');
      expect(chooser.choose('web', after)).to.equal(after.replace('0/24', '2'));
    }
  });

  it('fills blocks, though hosts that know nothing of each other begin at once', async () => {
    const store = createMemoryStore();
    const network = { id: 'web', subnet: SUBNET, gateway: '10.0.0.1', vni: 1 };
    const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
    const hosts = ['h1', 'h2', 'h3', 'h4'].map((host) => createIpam({ store, host }));
    const containers = Array.from({ length: 200 }, (_, number) => number);
    await Promise.all(
      hosts.flatMap((ipam, host) =>
        containers.map((number) => ipam.acquire({ network, version }, `${host} ${number}`)),
      ),
    );
    const leases = await storedLeases(store);
    expect(new Set(leases.map(({ ip }) => ip)).size).to.equal(800);
    // 800 addresses need 50 blocks of 16; each host may leave one of them open at every place that it moved to.
    expect((await store.list('blocks/')).length).to.be.below(75);
  });
});
