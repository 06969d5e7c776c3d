import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import type { HostRoute } from '../../../lib/network/choose-subnet.js';
import { createNetworks, networkNamed, type NetworkChoice } from '../../../lib/network/networks.js';
import { withRecord } from '../../../lib/network/with-record.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { grantTo, storedLeases } from '../../support/leases.js';
import type { Store } from '../../../lib/store/store.js';

function setUp(routes: HostRoute[] = [], store: Store = createMemoryStore()) {
  const networks = createNetworks({
    store,
    hostRoutes: async () => routes,
    otherHosts: async () => new Map([['h2', 'elsewhere']]),
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
  it('are made again when the store was set back to before they were made', async () => {
    const { store, networks } = setUp();
    await networks.create('old', { subnet: '10.2.0.0/16' });
    const before = await store.list('networks/');
    const web = await networks.create('web', { subnet: '10.0.0.0/16' });
    const all = await store.list('networks/');
    let told = 0;
    const setBack: Store = {
      ...store,
      async *watch() {
        yield { put: all, drop: [] };
        await store.commit([{ key: 'networks/web', value: null }]);
        yield { put: before, drop: [{ key: 'networks/web', version: 1 }], wasSetBack: true };
      },
    };
    const watching = createNetworks({
      store: setBack,
      hostRoutes: async () => [],
      foreignNames: async () => [],
      onSetBack: () => void told++,
    });
    const heard: string[][] = [];
    for await (const list of watching.watch(new AbortController().signal))
      heard.push(list.map(({ id }) => id));
    // Never gone in between: containers go on.
    expect(heard).to.deep.equal([
      ['old', 'web'],
      ['old', 'web'],
    ]);
    expect(await networks.get('web')).to.deep.equal(web);
    expect(told).to.equal(1);
  });

  it('are made again, after a store was set back, although it does not answer at first', async () => {
    const { store, networks } = setUp();
    const web = await networks.create('web', { subnet: '10.0.0.0/16' });
    const all = await store.list('networks/');
    let isDown = false;
    const setBack: Store = {
      ...store,
      async get(key) {
        if (!isDown) return store.get(key);
        isDown = false;
        throw new AppError('unavailable', 'Consul does not answer (no cluster leader)');
      },
      async *watch() {
        yield { put: all, drop: [] };
        await store.commit([{ key: 'networks/web', value: null }]);
        isDown = true;
        yield { put: [], drop: [{ key: 'networks/web', version: 1 }], wasSetBack: true };
      },
    };
    const watching = createNetworks({
      ...{ store: setBack, hostRoutes: async () => [], foreignNames: async () => [] },
    });
    const heard: string[][] = [];
    for await (const list of watching.watch(new AbortController().signal))
      heard.push(list.map(({ id }) => id));
    expect(heard).to.deep.equal([['web'], ['web']]);
    expect(await networks.get('web')).to.deep.equal(web);
  });

  it('gives gateway and VNI, and keeps them', async () => {
    const { networks } = setUp();
    const web = await networks.create('web', { subnet: '10.0.0.0/16' });
    expect(web).to.deep.equal({ id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 1 });
    expect((await networks.create('db', { subnet: '10.2.0.0/24' })).vni).to.equal(2);
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
    ['x'.repeat(64), '10.9.0.0/16', 'invalid', /cannot be the name.*up to 63 letters/],
    ['host', '10.9.0.0/16', 'invalid', /Docker uses it/],
    ['default', '10.9.0.0/16', 'invalid', /Docker uses it/],
    ['compose_default', '10.9.0.0/16', 'conflict', /Docker's own networks/],
  ];
  for (const [id, subnet, kind, says] of bad) {
    it(`refuses ${JSON.stringify(id.slice(0, 20))} ${subnet}`, async () => {
      const { networks } = setUp([{ subnet: '192.168.0.0/16', what: 'the route 192.168.0.0/16 (dev eth0)' }]);
      await networks.create('web', { subnet: '10.0.0.0/16' });
      const error = await failure(networks.create(id, { subnet }));
      expect(error.kind).to.equal(kind);
      expect(error.message).to.match(says);
      expect(await networks.list()).to.have.length(1);
    });
  }

  it('has a default network on the first subnet that overlaps no route, and does not move it', async () => {
    const { networks, store } = setUp([
      { subnet: '10.1.2.0/24', what: 'the route 10.1.2.0/24 (dev eth0)' },
      { subnet: '10.0.0.0/11', what: 'the route 10.0.0.0/11 (dev vpn)' },
    ]);
    await networks.recover();
    expect((await networks.get('socketplane')).subnet).to.equal('10.42.0.0/16');
    await setUp(
      [{ subnet: '10.42.0.0/16', what: 'the route 10.42.0.0/16 (dev sp00000001)' }],
      store,
    ).networks.recover();
    expect((await networks.get('socketplane')).subnet).to.equal('10.42.0.0/16');
  });

  it('lets many creates at once through without overlap or shared VNI', async () => {
    const { networks } = setUp();
    const made = await Promise.all(Array.from({ length: 15 }, (_, i) => networks.create(`n${i}`)));
    expect(new Set(made.map(({ vni }) => vni)).size).to.equal(15);
    expect(new Set(made.map(({ subnet }) => subnet)).size).to.equal(15);
  });

  it('knows the default network by the name that Docker has for it', () => {
    expect(['default', 'socketplane', 'web'].map(networkNamed)).to.deep.equal([
      'socketplane',
      'socketplane',
      'web',
    ]);
  });

  it('finds a subnet that is in nobody’s way, and reserves nothing', async () => {
    const { networks } = setUp([{ subnet: '10.42.7.0/24', what: 'the route 10.42.7.0/24 (dev eth0)' }]);
    await networks.create('web', { subnet: '10.1.128.0/24' });
    expect(await networks.freeSubnet([])).to.equal('172.16.42.0/24');
    const avoid = ['172.16.0.0/16', '10.0.0.0/9', 'fd00::/64', 'nonsense'];
    expect(await networks.freeSubnet(avoid)).to.equal('10.128.0.0/16');
    expect(await networks.list()).to.have.length(1);
    const error = await failure(networks.freeSubnet(['0.0.0.0/0']));
    expect(error.kind).to.equal('exhausted');
  });

  it('keeps a network that is in use, says by whom, and removes it afterwards', async () => {
    const { networks, store } = setUp();
    await networks.create('web', { subnet: '10.0.0.0/24' });
    const record = (await networks.find('web'))!;
    const ipam = createIpam({ store, host: 'h1' });
    const other = createIpam({ store, host: 'h2' });
    await ipam.lease(record, grantTo('c'.repeat(64), { names: ['con', 'alias'] }));
    await ipam.lease(record, grantTo('d'.repeat(64), { names: ['stopped'], kept: true, up: false }));
    await other.lease(record, { kept: false, names: [], up: true }, '10.0.0.9');
    const refused = async () => {
      const error = await failure(networks.remove('web'));
      expect(error.kind).to.equal('conflict');
      return error.message;
    };
    const says = 'error while removing network: network web has active endpoints: ';
    expect(await refused()).to.equal(`${says}10.0.0.2 (con), 10.0.0.9 (on elsewhere)`);
    expect(await networks.find('web'), 'it was not gone for a moment').to.deep.equal(record);
    await ipam.lease(record, grantTo('e'.repeat(64), { names: ['third'] }));
    expect(await refused())
      .to.contain(' (third)')
      .and.not.contain('…');
    await ipam.lease(record, grantTo('f'.repeat(64), { names: ['fourth'] }));
    expect(await refused()).to.match(/^[^,]+,[^,]+,[^,]+, …$/);
    expect(await storedLeases(store)).to.have.length(5);
    for (const { ip } of ipam.owned()) await ipam.release('web', ip);
    for (const { ip } of other.owned()) await other.release('web', ip);
    await networks.remove('web');
    expect((await failure(networks.get('web'))).kind).to.equal('notFound');
    expect((await failure(networks.remove('web'))).kind).to.equal('notFound');
  });

  it('does not remove the default network', async () => {
    const { networks } = setUp();
    await networks.recover();
    expect((await failure(networks.remove('socketplane'))).kind).to.equal('conflict');
  });

  it('never lets a lease outlive its network, however a removal and a lease meet', async () => {
    for (let round = 0; round < 30; round++) {
      const { networks, store } = setUp();
      await networks.create('web', { subnet: '10.0.0.0/24' });
      const ipam = createIpam({ store, host: 'h1' });
      const record = (await networks.find('web'))!;
      const wait = Array.from({ length: round % 6 }, () => undefined);
      const [leased, removed] = await Promise.allSettled([
        (async () => {
          for (const _ of wait) await Promise.resolve();
          return ipam.lease(record, grantTo('c'.repeat(64)));
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
    await networks.create('web', { subnet: '10.0.0.0/24' });
    const entry = (await store.get('networks/web'))!;
    await store.commit([
      { key: entry.key, value: JSON.stringify({ ...JSON.parse(entry.value), removing: true }) },
    ]);
    expect(await networks.find('web')).to.equal(undefined);
    await networks.recover();
    expect((await networks.list()).map(({ id }) => id)).to.deep.equal(['socketplane']);
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
    await networks.create('web', { subnet: '10.0.0.0/24' });
    const ids = (known: { id: string }[]) => known.map(({ id }) => id);
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    expect(ids((await watch.next()).value as { id: string }[])).to.deep.equal(['web']);

    await store.commit([{ key: 'networks/web', value: '{"id":' }]);
    expect(ids((await watch.next()).value as { id: string }[])).to.deep.equal(['web']);
    expect(await networks.list()).to.deep.equal([]);
    expect((await failure(networks.get('web'))).message).to.contain('networks/web');
    await networks.recover();
    await networks.create('db', { subnet: '10.9.0.0/24' });
    expect(ids(await networks.list())).to.have.members(['db', 'socketplane']);
    expect(complaints).not.to.deep.equal([]);
  });

  it('recalls a network as last heard of, and a lease by what is not true any more is none', async () => {
    const { networks: elsewhere, store } = setUp();
    const { networks } = setUp([], store);
    await elsewhere.create('web', { subnet: '10.0.0.0/24' });
    expect(networks.recall('web')).to.equal(undefined);
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    await watch.next();
    const recalled = networks.recall('web');
    expect(recalled).to.deep.equal(await networks.find('web'));

    await elsewhere.remove('web');
    await elsewhere.create('web', { subnet: '10.1.0.0/24' });
    expect(networks.recall('web')).to.deep.equal(recalled);
    const ipam = createIpam({ store, host: 'h1' });
    const given: string[] = [];
    const lease = await withRecord(networks, 'web', (asked) => {
      given.push(asked.network.subnet);
      return ipam.lease(asked, grantTo('c'.repeat(64)));
    });
    expect(lease.ip).to.equal('10.1.0.2');
    // First with what was heard, for which the store need not be asked.
    expect(given).to.deep.equal(['10.0.0.0/24', '10.1.0.0/24']);
  });

  it('knows what this host has done itself before the store tells it', async () => {
    const { networks, store } = setUp();
    await networks.create('web', { subnet: '10.0.0.0/24' });
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    await watch.next();
    await networks.remove('web');
    expect(networks.heard()).to.deep.equal([]);
    const successor = await networks.create('web', { subnet: '10.1.0.0/24' });
    expect(networks.heard()).to.deep.equal([successor]);
    expect(networks.recall('web')).to.deep.equal(await networks.find('web'));

    // What others do is heard.
    const { networks: elsewhere } = setUp([], store);
    await elsewhere.remove('web');
    await elsewhere.create('db', { subnet: '10.2.0.0/24' });
    while (networks.recall('web')) await watch.next();
    while (!networks.recall('db')) await watch.next();
    expect(networks.heard().map(({ id }) => id)).to.deep.equal(['db']);
  });

  it('says that there is no such network, with advice, to whoever relies on its record', async () => {
    const { networks } = setUp();
    await networks.create('web', { subnet: '10.0.0.0/24' });
    const error = await failure(withRecord(networks, 'wbe', async () => 'done'));
    expect([error.kind, error.message]).to.deep.equal([
      'notFound',
      (await failure(networks.get('wbe'))).message,
    ]);
    expect(await withRecord(networks, 'web', async ({ network }) => network.subnet)).to.equal('10.0.0.0/24');
  });

  it('tries again, for a moment, what relies on a record while the store does not answer', async () => {
    const { networks } = setUp();
    await networks.create('web', { subnet: '10.0.0.0/24' });
    let calls = 0;
    const outcome = await withRecord(networks, 'web', async () => {
      if (calls++ === 0) throw new AppError('unavailable', 'no leader');
      return 'done';
    });
    expect([outcome, calls]).to.deep.equal(['done', 2]);
    const refused = await failure(
      withRecord(networks, 'web', () => Promise.reject(new AppError('exhausted', 'full'))),
    );
    expect(refused.kind).to.equal('exhausted');
  });
});

describe('the choice of a network’s creator', () => {
  const settings = {
    internal: true,
    range: '10.9.0.128/25',
    aux: { printer: '10.9.0.5' },
    labels: { tier: 'back' },
    options: { 'com.docker.network.driver.mtu': '1400' },
  };

  it('is kept with the network, wherever it is read', async () => {
    const { networks } = setUp();
    const made = await networks.create('web', {
      ...{ subnet: '10.9.0.0/24', gateway: '10.9.0.254', vni: 77, settings },
    });
    expect(made).to.deep.equal({
      ...{ id: 'web', subnet: '10.9.0.0/24', gateway: '10.9.0.254', vni: 77, settings },
    });
    expect(await networks.get('web')).to.deep.equal(made);
    expect(await networks.list()).to.deep.equal([made]);
    const watch = networks.watch(new AbortController().signal)[Symbol.asyncIterator]();
    expect((await watch.next()).value).to.deep.equal([made]);
    expect(networks.recall('web')?.network).to.deep.equal(made);
  });

  it('is not in the network where it says nothing', async () => {
    const { networks } = setUp();
    const nothing = { internal: false, range: undefined, aux: {}, labels: {}, options: {} };
    expect(await networks.create('web', { settings: nothing })).not.to.have.property('settings');
    expect(await networks.get('web')).not.to.have.property('settings');
    const labelled = await networks.create('db', { settings: { ...nothing, labels: { a: 'b' } } });
    expect(labelled.settings).to.deep.equal({ labels: { a: 'b' } });
  });

  const within = (choice: NetworkChoice) => ({ subnet: '10.9.0.0/24', ...choice });
  const bad: [NetworkChoice, RegExp][] = [
    [{ gateway: '10.9.0.1' }, /^--gateway needs --subnet$/],
    [{ settings: { range: '10.9.0.0/25' } }, /^--ip-range needs --subnet$/],
    [{ settings: { aux: { a: '10.9.0.5' } } }, /^--aux-address needs --subnet$/],
    [within({ gateway: '10.9.1.1' }), /gateway "10\.9\.1\.1" is not an address of subnet 10\.9\.0\.0\/24/],
    [within({ gateway: '' }), /gateway "" is not an address/],
    [within({ gateway: '10.9.0.0' }), /is the network address of subnet 10\.9\.0\.0\/24/],
    [within({ gateway: '10.9.0.255' }), /is the broadcast address/],
    [within({ settings: { range: '10.9.1.0/25' } }), /range 10\.9\.1\.0\/25 does not lie in subnet/],
    [within({ settings: { range: '10.9.0.0/23' } }), /range 10\.9\.0\.0\/23 does not lie in subnet/],
    [within({ settings: { range: '10.9.0.129/25' } }), /host bits set: did you mean 10\.9\.0\.128\/25/],
    [within({ settings: { range: '10.9.0.128' } }), /not an IPv4 subnet/],
    [within({ settings: { range: '10.9.0.0/32' } }), /range 10\.9\.0\.0\/32 holds no address/],
    [within({ settings: { range: '10.9.0.0/31' } }), /range 10\.9\.0\.0\/31 holds no address/],
    [
      within({ settings: { range: '10.9.0.8/31', aux: { a: '10.9.0.8', b: '10.9.0.9' } } }),
      /range 10\.9\.0\.8\/31 holds no address/,
    ],
    [
      within({ settings: { aux: { a: '10.8.0.5' } } }),
      /aux-address a=10\.8\.0\.5 is not an address of subnet/,
    ],
    [within({ settings: { aux: { a: 'x' } } }), /aux-address a=x is not an address of subnet/],
    [within({ settings: { aux: { a: '10.9.0.1' } } }), /aux-address a=10\.9\.0\.1 is the gateway/],
    [
      within({ gateway: '10.9.0.7', settings: { aux: { a: '10.9.0.7' } } }),
      /aux-address a=10\.9\.0\.7 is the gateway/,
    ],
    [{ settings: { labels: { a: 'x'.repeat(40_000) }, options: { b: 'x'.repeat(30_000) } } }, /take 64 KiB/],
  ];
  for (const [choice, says] of bad) {
    it(`is refused: ${String(says)}`, async () => {
      const { networks } = setUp();
      const error = await failure(networks.create('web', choice));
      expect(error.kind).to.equal('invalid');
      expect(error.message).to.match(says).and.not.contain('\n');
      expect(await networks.list()).to.deep.equal([]);
    });
  }

  it('may go to the limits', async () => {
    const { networks } = setUp();
    await networks.create('a', { subnet: '10.9.0.0/24', gateway: '10.9.0.254' });
    await networks.create('b', { subnet: '10.8.0.0/24', settings: { range: '10.8.0.0/24' } });
    await networks.create('c', { subnet: '10.7.0.0/24', settings: { range: '10.7.0.2/32' } });
    await networks.create('d', {
      ...{ subnet: '10.6.0.0/24', gateway: '10.6.0.9', settings: { aux: { a: '10.6.0.1' } } },
    });
    await networks.create('e', { settings: { labels: { a: 'x'.repeat(60_000) } } });
    expect(await networks.list()).to.have.length(5);
  });
});

describe('a network that is put back', () => {
  async function removed() {
    const routes: HostRoute[] = [];
    const { networks, store } = setUp(routes);
    const network = await networks.create('web', {
      ...{ subnet: '10.9.0.0/24', gateway: '10.9.0.254', vni: 77, settings: { internal: true } },
    });
    await networks.remove('web');
    return { networks, store, routes, network };
  }

  it('is what it was, though its own device still has its route', async () => {
    const { networks, routes, network } = await removed();
    routes.push({ subnet: '10.9.0.0/24', what: 'the route 10.9.0.0/24 (dev sp0000004d)' });
    expect(await networks.restore(network)).to.deep.equal(network);
    expect(await networks.get('web')).to.deep.equal(network);
    expect(await networks.restore(network), 'a second time').to.deep.equal(network);
  });

  it('gets another VNI where its own is taken meanwhile', async () => {
    const { networks, network } = await removed();
    await networks.create('quick', { vni: 77 });
    const { vni, ...rest } = await networks.restore(network);
    expect({ ...rest, vni: 77 }).to.deep.equal(network);
    expect(vni).not.to.equal(77);
  });

  it('is one that there can have been', async () => {
    const { networks, store, network } = await removed();
    for (const wrong of [{ id: '../x' }, { id: 'host' }, { gateway: '10.8.0.1' }])
      expect((await failure(networks.restore({ ...network, ...wrong }))).kind).to.equal('invalid');
    expect(await store.list('networks/')).to.deep.equal([]);
    for (const [at, vni] of [-1, 0, 2 ** 24].entries())
      await networks.restore({
        ...network,
        id: `net${at}`,
        subnet: `10.${at}.0.0/24`,
        gateway: `10.${at}.0.1`,
        vni,
      });
    expect(await networks.list()).to.have.length(3);
  });

  it('stays away where its name or its subnet is another’s', async () => {
    const { networks, network } = await removed();
    await networks.create('quick', { subnet: '10.9.0.128/25' });
    expect((await failure(networks.restore(network))).message).to.contain('overlaps network quick');
    await networks.remove('quick');
    await networks.create('web', { subnet: '10.9.0.0/24' });
    expect((await failure(networks.restore(network))).message).to.contain('exists already');
  });
});
