import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Operation, Store } from '../../../lib/store/store.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const KEPT = { kept: true, up: false };

/** A network of which hosts keep this many addresses in blocks of their own. */
async function setUp({ blocks = 1 } = {}) {
  const store = createMemoryStore();
  const networks = createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] });
  await networks.create('web', { subnet: '10.0.0.0/16' });
  await networks.create('other', { subnet: '10.9.0.0/16' });
  const record = (await networks.find('web'))!;
  const ipam = createIpam({ store, host: 'h1' });
  for (let n = 0; n < blocks; n++)
    await ipam.lease(record, grantTo(`c${n}`, KEPT), `10.0.${n >> 4}.${(n & 15) * 16 + 5}`);
  await ipam.lease((await networks.find('other'))!, grantTo('c', KEPT));
  /** What is committed from now on; `before` runs before each. */
  const commits: Operation[][] = [];
  const hooks: { before?: (number: number) => Promise<unknown> } = {};
  const { commit } = store;
  const watched: Store = Object.assign(store, {
    async commit(operations: Operation[]) {
      commits.push(operations);
      await hooks.before?.(commits.length);
      return commit(operations);
    },
  });
  const unwatched: Store = { ...store, commit };
  return { store: watched, unwatched, networks, record, ipam, commits, hooks };
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

const onWeb = async (store: Store) => (await storedLeases(store)).filter(({ network }) => network === 'web');

describe('the removal of a network', () => {
  it('takes along what is not up, in the same write, and nothing of another network', async () => {
    const { networks, store, commits, ipam, record } = await setUp({ blocks: 3 });
    await ipam.lease(record, { kept: false, names: [], up: false });
    await networks.remove('web');
    expect(commits.slice(1).map((operations) => operations.length)).to.deep.equal([1, 4]);
    expect((await store.list('')).map(({ key }) => key)).to.deep.equal([
      'blocks/other/10.9.0.0',
      'last-vni',
      'networks/other',
    ]);
  });

  it('takes any number of blocks along, in as many writes as that needs, the record in the last', async () => {
    const { networks, store, commits } = await setUp({ blocks: 70 });
    await networks.remove('web');
    expect(await onWeb(store)).to.deep.equal([]);
    expect(await store.get('networks/web')).to.equal(undefined);
    const records = commits.map((operations) => operations.find(({ key }) => key === 'networks/web')?.value);
    // The mark, checks, the end.
    expect(records.slice(1)).to.deep.equal([undefined, undefined, null]);
  });

  it('is called off when a stopped container starts meanwhile, which keeps its address', async () => {
    const { networks, unwatched, hooks, record, store } = await setUp({ blocks: 3 });
    const starting = createIpam({ store: unwatched, host: 'h1' });
    await starting.load();
    hooks.before = async (number) => {
      // After the mark: whether it may start does not depend on the network's record.
      if (number === 2) await starting.update('web', '10.0.0.21', { up: true, names: ['c1'] });
    };
    const error = await failure(networks.remove('web'));
    expect([error.kind, error.message]).to.deep.equal([
      'conflict',
      'error while removing network: network web has active endpoints: 10.0.0.21 (c1)',
    ]);
    expect(await networks.get('web')).to.deep.equal(record.network);
    expect(await onWeb(store)).to.have.length(3);
  });

  it('goes on when a lease is given back meanwhile', async () => {
    const { networks, unwatched, hooks, store } = await setUp({ blocks: 3 });
    const other = createIpam({ store: unwatched, host: 'h1' });
    await other.load();
    hooks.before = async (number) => {
      if (number === 2) await other.release('web', '10.0.0.21');
    };
    await networks.remove('web');
    expect(await onWeb(store)).to.deep.equal([]);
    expect(await store.get('networks/web')).to.equal(undefined);
  });

  it('lets nobody lease between its parts', async () => {
    const { networks, unwatched, hooks, record, store } = await setUp({ blocks: 70 });
    const other = createIpam({ store: unwatched, host: 'h2' });
    await other.load();
    const attempts: unknown[] = [];
    hooks.before = async (number) => {
      if (number > 1) attempts.push((await failure(other.lease(record, grantTo('late')))).kind);
    };
    await networks.remove('web');
    expect(attempts).to.deep.equal(['notFound', 'notFound', 'notFound']);
    expect(await onWeb(store)).to.deep.equal([]);
  });

  it('deletes nothing once another host has called it off', async () => {
    const { networks, unwatched, hooks, record, store } = await setUp({ blocks: 70 });
    const other = createIpam({ store: unwatched, host: 'h2' });
    await other.load();
    hooks.before = async (number) => {
      if (number !== 2) return;
      const value = JSON.stringify(record.network);
      const version = await unwatched.commit([{ key: 'networks/web', value }]);
      await other.lease({ ...record, version }, grantTo('new', { names: ['new'] }), '10.0.99.1');
    };
    expect((await failure(networks.remove('web'))).message).to.contain('active endpoints: 10.0.99.1 (new)');
    expect(await onWeb(store)).to.have.length(71);
    expect(await networks.get('web')).to.deep.equal(record.network);
  });

  it('may be done by two hosts at once', async () => {
    const { networks, unwatched, store } = await setUp({ blocks: 40 });
    const far = createNetworks({
      store: unwatched,
      hostRoutes: async () => [],
      foreignNames: async () => [],
    });
    const outcomes = await Promise.allSettled([networks.remove('web'), far.remove('web')]);
    const kinds = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason as AppError).kind : 'removed',
    );
    expect(kinds).to.include('removed');
    expect(kinds.filter((kind) => kind !== 'removed' && kind !== 'notFound')).to.deep.equal([]);
    expect(await onWeb(store)).to.deep.equal([]);
    expect(await store.get('networks/web')).to.equal(undefined);
  });

  it('is refused, also for a removal that a crash interrupted, while an endpoint is active', async () => {
    const { networks, ipam, store, record } = await setUp();
    await ipam.update('web', '10.0.0.5', { up: true });
    const entry = (await store.get('networks/web'))!;
    await store.commit([{ key: entry.key, value: JSON.stringify({ ...record.network, removing: true }) }]);
    await networks.recover();
    expect(await networks.get('web')).to.deep.equal(record.network);
    await ipam.update('web', '10.0.0.5', { up: false });
    await networks.remove('web');
    expect(await onWeb(store)).to.deep.equal([]);
  });

  it('takes along a block that cannot be understood', async () => {
    const { networks, store } = await setUp();
    await store.commit([{ key: 'blocks/web/10.0.7.0', value: 'no JSON' }]);
    await networks.remove('web');
    expect(await store.list('blocks/web/')).to.deep.equal([]);
  });
});
