import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import { createAddressChooser } from '../../../lib/ipam/choose-address.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createLeaseIndex } from '../../../lib/ipam/lease-index.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const WEB = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 1 };

describe('the choice of addresses', () => {
  it('moves once when many are lost together, and goes on from there in a row', () => {
    let asked = 0;
    const chooser = createAddressChooser(createLeaseIndex('h1'), { random: () => (asked++, 0.5) });
    const lost = Array.from({ length: 40 }, () => chooser.choose(WEB) ?? '');
    const next = lost.map((ip) => {
      chooser.scatter(WEB, ip);
      chooser.done(WEB, ip);
      return chooser.choose(WEB);
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
      const [old, anew] = [before, after].map((subnet) => ({
        ...WEB,
        subnet,
        gateway: subnet.replace('0/24', '1'),
      })) as [Network, Network];
      chooser.done(old, chooser.choose(old) ?? '');
      expect(chooser.choose(anew)).to.equal(after.replace('0/24', '2'));
    }
  });

  it('fills blocks, though hosts that know nothing of each other begin at once', async () => {
    const store = createMemoryStore();
    const network = WEB;
    const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
    const hosts = ['h1', 'h2', 'h3', 'h4'].map((host) => createIpam({ store, host }));
    const containers = Array.from({ length: 200 }, (_, number) => number);
    await Promise.all(
      hosts.flatMap((ipam, host) =>
        containers.map((number) => ipam.lease({ network, version }, grantTo(`${host} ${number}`))),
      ),
    );
    const leases = await storedLeases(store);
    expect(new Set(leases.map(({ ip }) => ip)).size).to.equal(800);
    // 800 addresses need 50 blocks of 16; each host may leave one of them open at every place that it moved to.
    expect((await store.list('blocks/')).length).to.be.below(75);
  });

  it('stays within the range, goes round it, and skips what is kept aside', () => {
    const network: Network = {
      ...WEB,
      gateway: '10.0.0.129',
      settings: { range: '10.0.0.128/29', aux: { a: '10.0.0.131' } },
    };
    const index = createLeaseIndex('h1');
    const chooser = createAddressChooser(index);
    const next = () => {
      const ip = chooser.choose(network);
      return ip?.replace('10.0.0.', '');
    };
    expect([next(), next(), next()]).to.deep.equal(['128', '130', '132']);
    for (const ip of ['10.0.0.128', '10.0.0.130', '10.0.0.132']) chooser.done(network, ip);
    expect([next(), next(), next(), next()]).to.deep.equal(['133', '134', '135', '128']);
    // Wherever the search is moved to.
    chooser.done(network, '10.0.0.128');
    for (const random of [0, 0.5, 0.999]) {
      const moving = createAddressChooser(index, { random: () => random });
      moving.scatter(network, moving.choose(network) ?? '');
      expect(moving.choose(network)).to.match(/^10\.0\.0\.1(28|3[0-5])$/);
    }
  });

  it('finds every address of a range that ends and begins within blocks', () => {
    // Blocks of 16; the range is a quarter of one, and another host has the others.
    const network: Network = { ...WEB, settings: { range: '10.0.0.20/30' } };
    const index = createLeaseIndex('h1');
    const lease = { id: '1', host: 'h2', time: '', kept: false, names: [], up: true };
    // As many leases as the range has addresses, but outside it.
    const leases = ['10.0.0.16', '10.0.0.17', '10.0.0.18', '10.0.0.19', '10.0.0.24'];
    const block = { host: 'h2', leases: Object.fromEntries(leases.map((ip) => [ip, lease])) };
    index.committed('blocks/web/10.0.0.16', block, 1);
    const chooser = createAddressChooser(index);
    const found = Array.from({ length: 5 }, () => chooser.choose(network));
    expect(found).to.deep.equal(['10.0.0.20', '10.0.0.21', '10.0.0.22', '10.0.0.23', undefined]);
  });

  it('spares what users chose, as long as there is another, and gives it in the end', () => {
    const network = { ...WEB, subnet: '10.0.0.0/29' };
    const index = createLeaseIndex('h1');
    const lease = { id: '1', host: 'h1', time: '', kept: false, names: [], up: true };
    // One of them runs; one lies elsewhere, as is seen when its container starts.
    index.committed('blocks/web/10.0.0.4', { host: 'h1', leases: { '10.0.0.4': lease } }, 1);
    const chosen = () => ['10.0.0.2', '10.0.0.4', '10.0.0.6', '10.9.9.9'];
    const chooser = createAddressChooser(index, { chosen });
    const found = Array.from({ length: 5 }, () => chooser.choose(network));
    expect(found).to.deep.equal(['10.0.0.3', '10.0.0.5', '10.0.0.2', '10.0.0.6', undefined]);
  });

  it('gives the first address of the subnet where the gateway is elsewhere', () => {
    const chooser = createAddressChooser(createLeaseIndex('h1'));
    const network = { ...WEB, subnet: '10.0.0.0/29', gateway: '10.0.0.2' };
    const all = Array.from({ length: 6 }, () => chooser.choose(network));
    expect(all).to.deep.equal(['10.0.0.1', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', undefined]);
  });
});
