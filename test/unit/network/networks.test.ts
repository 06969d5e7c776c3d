import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import type { Container } from '../../../lib/docker/docker.js';
import { leaseFor } from '../../../lib/endpoints/lease-for.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { storedLeases } from '../../support/leases.js';
import type { Store } from '../../../lib/store/store.js';

function setUp(routes: { subnet: string; device: string }[] = [], store: Store = createMemoryStore()) {
  const networks = createNetworks({
    store,
    hostRoutes: async () => routes,
    foreignNames: async () => ['bridge', 'compose_default'],
  });
  return { store, networks };
}

async function failure(promise: Promise<unknown>): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

describe('networks', () => {
  it('gives gateway and VNI, and keeps them', async () => {
    const { networks } = setUp();
    const web = await networks.create('web', '10.0.0.0/16');
    expect(web).to.deep.equal({ id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 1 });
    expect((await networks.create('db', '10.2.0.0/24')).vni).to.equal(2);
    expect(await networks.get('web')).to.deep.equal(web);
  });

  const bad: [id: string, subnet: string | undefined, kind: string, says: RegExp][] = [
    ['web', '10.0.0.0/16', 'conflict', /"web" exists already/],
    ['two', '10.0.128.0/17', 'conflict', /10\.0\.128\.0\/17 overlaps network web \(10\.0\.0\.0\/16\)/],
    ['two', '10.0.0.0/8', 'conflict', /overlaps network web/],
    ['two', '192.168.1.0/24', 'conflict', /overlaps the route 192\.168\.0\.0\/16 \(dev eth0\)/],
    ['two', '10.9.0.1/16', 'invalid', /host bits set: did you mean 10\.9\.0\.0\/16/],
    ['two', '10.9.0.0', 'invalid', /not an IPv4 subnet/],
    ['two', '10.9.0.0/33', 'invalid', /not an IPv4 subnet/],
    ['two', '10.9.0.0/31', 'invalid', /from \/8 to \/30/],
    ['two', '010.9.0.0/16', 'invalid', /not an IPv4 subnet/],
    ['two', '300.9.0.0/16', 'invalid', /not an IPv4 subnet/],
    ['two', 'fd00::/64', 'invalid', /not an IPv4 subnet/],
    ['two', '127.0.0.0/24', 'invalid', /127\.0\.0\.0\/8/],
    ['two', '224.0.0.0/24', 'invalid', /224\.0\.0\.0\/3/],
    ['', '10.9.0.0/16', 'invalid', /cannot be the name/],
    ['-x', '10.9.0.0/16', 'invalid', /cannot be the name/],
    ['a b', '10.9.0.0/16', 'invalid', /cannot be the name/],
    ['../x', '10.9.0.0/16', 'invalid', /cannot be the name/],
    ['x'.repeat(64), '10.9.0.0/16', 'invalid', /cannot be the name/],
    ['host', '10.9.0.0/16', 'invalid', /Docker uses it/],
    ['compose_default', '10.9.0.0/16', 'conflict', /Docker's own networks/],
  ];
  for (const [id, subnet, kind, says] of bad) {
    it(`refuses ${JSON.stringify(id.slice(0, 20))} ${subnet}`, async () => {
      const { networks } = setUp([{ subnet: '192.168.0.0/16', device: 'eth0' }]);
      await networks.create('web', '10.0.0.0/16');
      const error = await failure(networks.create(id, subnet));
      expect(error.kind).to.equal(kind);
      expect(error.message).to.match(says);
      expect(await networks.list()).to.have.length(1);
    });
  }

  it('has a default network on the first subnet that overlaps no route, and does not move it', async () => {
    const { networks, store } = setUp([
      { subnet: '10.1.2.0/24', device: 'eth0' },
      { subnet: '10.0.0.0/11', device: 'vpn' },
    ]);
    await networks.recover();
    expect((await networks.get('default')).subnet).to.equal('10.42.0.0/16');
    await setUp([{ subnet: '10.42.0.0/16', device: 'sp00000001' }], store).networks.recover();
    expect((await networks.get('default')).subnet).to.equal('10.42.0.0/16');
  });

  it('lets many creates at once through without overlap or shared VNI', async () => {
    const { networks } = setUp();
    const made = await Promise.all(Array.from({ length: 15 }, (_, i) => networks.create(`n${i}`)));
    expect(new Set(made.map(({ vni }) => vni)).size).to.equal(15);
    expect(new Set(made.map(({ subnet }) => subnet)).size).to.equal(15);
  });

  it('keeps a network that is in use, says by whom, and removes it afterwards', async () => {
    const { networks, store } = setUp();
    await networks.create('web', '10.0.0.0/24');
    const ipam = createIpam({ store, host: 'h1' });
    await ipam.acquire((await networks.find('web'))!, 'c'.repeat(64));
    const record = await networks.find('web');
    const error = await failure(networks.remove('web'));
    expect([error.kind, error.message]).to.deep.equal([
      'conflict',
      'network web is in use: 1 container has an address on it (10.0.0.2); remove them first',
    ]);
    expect(await networks.find('web'), 'it was not gone for a moment').to.deep.equal(record);
    await ipam.release('c'.repeat(64));
    await networks.remove('web');
    expect((await failure(networks.get('web'))).kind).to.equal('notFound');
    expect((await failure(networks.remove('web'))).kind).to.equal('notFound');
  });

  it('does not remove the default network', async () => {
    const { networks } = setUp();
    await networks.recover();
    expect((await failure(networks.remove('default'))).kind).to.equal('conflict');
  });

  it('never lets a lease outlive its network, however a removal and a lease meet', async () => {
    for (let round = 0; round < 30; round++) {
      const { networks, store } = setUp();
      await networks.create('web', '10.0.0.0/24');
      const ipam = createIpam({ store, host: 'h1' });
      const record = (await networks.find('web'))!;
      const wait = Array.from({ length: round % 6 }, () => undefined);
      const [leased, removed] = await Promise.allSettled([
        (async () => {
          for (const _ of wait) await Promise.resolve();
          return ipam.acquire(record, 'c'.repeat(64));
        })(),
        networks.remove('web'),
      ]);
      const leases = await storedLeases(store);
      const exists = (await networks.list()).length === 1;
      expect(leases.length, `round ${round}: lease without network`).to.equal(
        exists && leased.status === 'fulfilled' ? 1 : 0,
      );
      expect(leased.status === 'fulfilled' && removed.status === 'fulfilled').to.equal(false);
    }
  });

  it('finishes a removal that a crash interrupted', async () => {
    const { networks, store } = setUp();
    await networks.create('web', '10.0.0.0/24');
    const entry = (await store.get('networks/web'))!;
    await store.commit([
      { key: entry.key, value: JSON.stringify({ ...JSON.parse(entry.value), removing: true }) },
    ]);
    expect(await networks.find('web')).to.equal(undefined);
    await networks.recover();
    expect((await networks.list()).map(({ id }) => id)).to.deep.equal(['default']);
    expect(await store.get('networks/web')).to.equal(undefined);
  });

  it('goes on with the others, and with what it knew, where the store holds something that is no network', async () => {
    const store = createMemoryStore();
    const complaints: unknown[] = [];
    const networks = createNetworks({
      store,
      hostRoutes: async () => [],
      foreignNames: async () => [],
      onInvalid: (error) => complaints.push(error),
    });
    await networks.create('web', '10.0.0.0/24');
    const ids = (known: { id: string }[]) => known.map(({ id }) => id);
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    expect(ids((await watch.next()).value as { id: string }[])).to.deep.equal(['web']);

    await store.commit([{ key: 'networks/web', value: '{"id":' }]);
    expect(ids((await watch.next()).value as { id: string }[])).to.deep.equal(['web']);
    expect(await networks.list()).to.deep.equal([]);
    expect((await failure(networks.get('web'))).message).to.contain('networks/web');
    await networks.recover();
    await networks.create('db', '10.9.0.0/24');
    expect(ids(await networks.list())).to.have.members(['db', 'default']);
    expect(complaints).not.to.deep.equal([]);
  });

  it('recalls a network as last heard of, and a lease by what is not true any more is none', async () => {
    const { networks, store } = setUp();
    await networks.create('web', '10.0.0.0/24');
    expect(networks.recall('web')).to.equal(undefined);
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    await watch.next();
    const recalled = networks.recall('web');
    expect(recalled).to.deep.equal(await networks.find('web'));

    await networks.remove('web');
    await networks.create('web', '10.1.0.0/24');
    expect(networks.recall('web')).to.deep.equal(recalled);
    const ipam = createIpam({ store, host: 'h1' });
    const container = { id: 'c'.repeat(64), name: 'con', hostname: 'con', labels: {} } as Container;
    const { lease } = await leaseFor(container, 'web', { networks, ipam });
    expect(lease.ip).to.equal('10.1.0.2');
  });
});
