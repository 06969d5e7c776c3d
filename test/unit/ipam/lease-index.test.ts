import { inspect } from 'node:util';
import { expect } from 'chai';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createLeaseIndex, type LeaseChange } from '../../../lib/ipam/lease-index.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { until } from '../../support/until.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const KEY = 'blocks/web/10.0.0.0';
const IP = '10.0.0.2';

function entry(version: number, container: string, host: string, change: object = {}) {
  const lease = {
    ...{ id: container, container, host, time: '2026-01-01T00:00:00Z', kept: false },
    ...{ names: [container], up: true, ...change },
  };
  return { key: KEY, version, value: JSON.stringify({ host, leases: { [IP]: lease } }) };
}

describe('lease index', () => {
  it('tells that a container has lost its address when another has it in the same change', () => {
    const index = createLeaseIndex('h1');
    index.apply({ put: [entry(1, 'mine', 'h1')], drop: [] });
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    index.apply({ put: [entry(2, 'theirs', 'h2')], drop: [] });
    const containers = changes.map(({ put, drop }) =>
      [put, drop].map((part) => part.map((l) => l.container)),
    );
    expect(containers).to.deep.equal([[['theirs'], ['mine']]]);
    expect([index.ofContainer('mine'), index.owned(), index.ownAt('web', IP)]).to.deep.equal([
      [],
      [],
      undefined,
    ]);
    expect(index.at('web', IP)?.container).to.equal('theirs');
  });

  it('tells of a lease made anew for the same container that the one before is gone', () => {
    const index = createLeaseIndex('h1');
    index.apply({ put: [entry(1, 'mine', 'h1', { id: 'a' })], drop: [] });
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    index.apply({ put: [entry(2, 'mine', 'h1', { id: 'b' })], drop: [] });
    const ids = changes.map(({ put, drop }) => [put, drop].map((part) => part.map(({ id }) => id)));
    expect(ids).to.deep.equal([[['b'], ['a']]]);
    expect(index.ofContainer('mine').map(({ id }) => id)).to.deep.equal(['b']);
  });

  for (const change of [
    { container: 'other' },
    { container: undefined },
    { endpoint: 'e' },
    { kept: true },
    { mac: '02:00:00:00:00:01' },
    { names: ['mine', 'too'] },
    { up: false },
  ]) {
    it(`tells of a lease that says now ${inspect(change)}, and that it is not gone`, () => {
      const index = createLeaseIndex('h1');
      index.apply({ put: [entry(1, 'mine', 'h1')], drop: [] });
      const changes: LeaseChange[] = [];
      index.subscribe((tell) => changes.push(tell));
      index.apply({ put: [entry(2, 'mine', 'h1', change)], drop: [] });
      expect(changes).to.have.length(1);
      expect(changes[0]?.drop).to.deep.equal([]);
      const container = 'container' in change ? change.container : 'mine';
      const [told] = changes[0]!.put;
      expect({ container: undefined, ...told }).to.deep.include({ ...change, id: 'mine' });
      const known = ['mine', 'other'].filter((id) => index.ofContainer(id).length > 0);
      expect(known).to.deep.equal(container === undefined ? [] : [container]);
      expect(index.owned()).to.have.length(1);
    });
  }

  it('knows all leases of a container, on whatever networks, and only this host’s', () => {
    const index = createLeaseIndex('h1');
    const { value } = entry(1, 'mine', 'h1');
    index.apply({
      put: [
        { key: KEY, value, version: 1 },
        { key: 'blocks/db/10.0.0.0', value, version: 2 },
        { ...entry(3, 'mine', 'h2'), key: 'blocks/far/10.0.0.0' },
      ],
      drop: [],
    });
    expect(index.ofContainer('mine').map(({ network }) => network)).to.have.members(['web', 'db']);
    index.apply({ put: [], drop: [{ key: KEY, version: 4 }] });
    expect(index.ofContainer('mine').map(({ network }) => network)).to.deep.equal(['db']);
  });

  it('does not take a change of a lease for its end', () => {
    const index = createLeaseIndex('h1');
    index.apply({ put: [entry(1, 'mine', 'h1')], drop: [] });
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    index.apply({ put: [entry(2, 'mine', 'h1')], drop: [] });
    expect(changes).to.deep.equal([]);
    expect(index.ofContainer('mine').map(({ ip }) => ip)).to.deep.equal([IP]);
  });
});

describe('leases in a store that is set back', () => {
  it('are what it has then, older or gone, and may be written', async () => {
    const store = createMemoryStore();
    const network = { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 };
    await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
    const record = { network, version: 1 };
    const ids = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string];
    const before = createIpam({ store, host: 'h1' });
    await before.lease(record, grantTo(ids[0]));
    const saved = await store.list('');
    const ipam = createIpam({ store, host: 'h1' });
    await ipam.load();
    await ipam.lease(record, grantTo(ids[1]));
    await ipam.lease(record, grantTo(ids[2]), '10.0.0.99');

    const restored = createMemoryStore({ entries: saved });
    Object.assign(store, restored, {
      async *watch(prefix: string, signal: AbortSignal) {
        yield { put: await store.list(prefix), drop: [], wasSetBack: true };
        yield* restored.watch(prefix, signal);
      },
    });
    const end = new AbortController();
    const following = ipam.follow(end.signal);
    await until('the leases of then', async () => ipam.owned().length === 1);
    expect(ipam.owned().map(({ container }) => container)).to.deep.equal([ids[0]]);
    await ipam.lease(record, grantTo(ids[2]));
    expect((await storedLeases(store)).map(({ container }) => container)).to.have.members([ids[0], ids[2]]);
    end.abort();
    await following;
  });
});

describe('a block that cannot be understood', () => {
  it('is told of, and is not there, where its key has no address', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'blocks/web/x', value: '{"host":"h2","leases":{}}' }]);
    const invalid: unknown[] = [];
    const ipam = createIpam({ store, host: 'h1', onInvalid: (error) => invalid.push(error) });
    await ipam.load();
    expect([invalid.length, ipam.usedOn('web')]).to.deep.equal([1, 0]);
  });

  it('is told of, and may be written anew', async () => {
    const store = createMemoryStore();
    const network = { id: 'web', subnet: '10.0.0.0/30', gateway: '10.0.0.1', vni: 1 };
    await store.commit([
      { key: 'networks/web', value: JSON.stringify(network) },
      { key: 'blocks/web/10.0.0.2', value: 'no JSON' },
    ]);
    const invalid: unknown[] = [];
    const ipam = createIpam({ store, host: 'h1', onInvalid: (error) => invalid.push(error) });
    await ipam.load();
    expect(invalid).to.have.length(1);
    const record = { network, version: (await store.get('networks/web'))!.version };
    expect((await ipam.lease(record, grantTo('1'.padStart(64, '0')))).ip).to.equal('10.0.0.2');
    expect((await storedLeases(store)).map(({ ip }) => ip)).to.deep.equal(['10.0.0.2']);
  });
});
