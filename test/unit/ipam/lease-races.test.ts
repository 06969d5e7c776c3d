import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createLeaseIndex, type LeaseChange } from '../../../lib/ipam/lease-index.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Operation, Store } from '../../../lib/store/store.js';
import { until } from '../../support/until.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const NETWORK = { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 };
const KEY = 'blocks/web/10.0.0.0';
const [ONE, TWO] = ['1'.repeat(64), '2'.repeat(64)] as const;

async function setUp() {
  const store = createMemoryStore();
  const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
  return { store, record: { network: NETWORK, version } };
}

function blockOf(container: string, host: string) {
  const lease = { id: container, container, host, time: '', kept: false, names: [], up: true };
  return { host: 'h1', leases: { '10.0.0.2': lease } };
}

const lost = () => new AppError('unavailable', 'the store does not answer');
const failed = (promise: Promise<unknown>) => promise.then(() => false).catch(() => true);

describe('leases, when news cross', () => {
  it('forget what was given back between reading all and watching', async () => {
    const { store, record } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const lease = await other.lease(record, grantTo(TWO));
    const ipam = createIpam({ store, host: 'h1' });
    await ipam.load();
    await other.release('web', lease.ip);
    const end = new AbortController();
    const following = ipam.follow(end.signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ipam.index.at('web', lease.ip)).to.equal(undefined);
    end.abort();
    await following;
  });

  it('tell that a container has lost its address also when another has it at once', () => {
    const index = createLeaseIndex('h1');
    index.committed(KEY, blockOf(ONE, 'h1'), 1);
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    const value = JSON.stringify(blockOf(TWO, 'h2'));
    index.apply({ put: [{ key: KEY, value, version: 2 }], drop: [] });
    expect(changes[0]?.drop.map(({ container }) => container)).to.deep.equal([ONE]);
    expect(index.ofContainer(ONE)).to.deep.equal([]);
    expect(index.at('web', '10.0.0.2')?.container).to.equal(TWO);
  });

  it('do not believe that there is nothing when something was written since the question', () => {
    const index = createLeaseIndex('h1');
    const { version } = index.block(KEY);
    index.committed(KEY, blockOf(ONE, 'h1'), 5);
    index.set(KEY, undefined, version);
    expect(index.ofContainer(ONE).map(({ ip }) => ip)).to.deep.equal(['10.0.0.2']);
    index.set(KEY, undefined, 5);
    expect(index.ofContainer(ONE)).to.deep.equal([]);
  });

  it('leave a new block to the host that was quicker to make it', async () => {
    const { store, record } = await setUp();
    const quicker = createIpam({ store, host: 'h1' });
    await quicker.lease(record, grantTo(ONE), '10.0.0.3');
    const lease = await createIpam({ store, host: 'h2' }).lease(record, grantTo(TWO));
    expect(lease.block).not.to.equal(KEY);
  });

  it('are read anew when the store was set back', async () => {
    const { store, record } = await setUp();
    async function* setBack() {
      yield { put: await store.list('blocks/'), drop: [] };
      // By another host, in the store as it was before: of that the watch tells nothing.
      await createIpam({ store, host: 'h2' }).lease(record, grantTo(TWO));
      yield { put: [], drop: [], wasSetBack: true };
    }
    const ipam = createIpam({ store: { ...store, watch: setBack }, host: 'h1' });
    await ipam.load();
    await ipam.follow(new AbortController().signal);
    expect(ipam.usedOn('web')).to.equal(1);
  });

  it('tell others the truth although an earlier answer was lost', async () => {
    const { store, record } = await setUp();
    let mute = false;
    const flaky: Store = {
      ...store,
      async commit(operations) {
        const version = await store.commit(operations);
        if (mute) throw lost();
        return version;
      },
    };
    const ipam = createIpam({ store: flaky, host: 'h1' });
    const { ip } = await ipam.lease(record, grantTo(ONE));
    mute = true;
    expect(await failed(ipam.update('web', ip, { up: false }))).to.equal(true);
    mute = false;
    expect(await ipam.update('web', ip, { up: true })).to.include({ up: true });
    expect((await storedLeases(store)).map(({ up }) => up)).to.deep.equal([true]);
  });

  /** A store that loses the first commit, or its answer, as `lose` has it. */
  function losing(store: Store, lose: (commit: () => Promise<number>) => Promise<unknown>): Store {
    let calls = 0;
    return {
      ...store,
      async commit(operations) {
        if (calls++ > 0) return store.commit(operations);
        await lose(() => store.commit(operations));
        throw lost();
      },
    };
  }

  it('are not kept for somebody who was told that there is none, though the write was made', async () => {
    const { store, record } = await setUp();
    const ipam = createIpam({ store: losing(store, (commit) => commit()), host: 'h1' });
    expect(await failed(ipam.lease(record, grantTo(ONE)))).to.equal(true);
    expect(await storedLeases(store)).to.have.length(1);
    const lease = await ipam.lease(record, grantTo(ONE));
    await until('the other is given back', async () => (await storedLeases(store)).length === 1);
    expect((await storedLeases(store)).map(({ id }) => id)).to.deep.equal([lease.id]);
    expect(ipam.owned()).to.deep.equal([lease]);
  });

  it('are leased again at the address that was asked for, when the first answer was lost', async () => {
    const { store, record } = await setUp();
    const ipam = createIpam({ store: losing(store, (commit) => commit()), host: 'h1' });
    expect(await failed(ipam.lease(record, grantTo(ONE), '10.0.0.9'))).to.equal(true);
    const lease = await ipam.lease(record, grantTo(ONE), '10.0.0.9');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await storedLeases(store)).to.deep.equal([lease]);
  });

  it('are leased again at the address that was asked for, also when the store refuses to take them back', async () => {
    const { store, record } = await setUp();
    let calls = 0;
    const flaky: Store = {
      ...store,
      async commit(operations) {
        calls++;
        // The first is made and not answered, the next, which gives back, is lost.
        if (calls === 2) throw lost();
        const version = await store.commit(operations);
        if (calls === 1) throw lost();
        return version;
      },
    };
    const ipam = createIpam({ store: flaky, host: 'h1' });
    expect(await failed(ipam.lease(record, grantTo(ONE), '10.0.0.9'))).to.equal(true);
    const lease = await ipam.lease(record, grantTo(ONE), '10.0.0.9');
    expect(await storedLeases(store)).to.deep.equal([lease]);
  });

  it('are given back when the write turns up long after it was given up', async () => {
    const { store, record } = await setUp();
    let late: (() => Promise<number>) | undefined;
    const ipam = createIpam({ store: losing(store, async (commit) => (late = commit)), host: 'h1' });
    await ipam.load();
    const end = new AbortController();
    const following = ipam.follow(end.signal);
    expect(await failed(ipam.lease(record, grantTo(ONE)))).to.equal(true);
    expect(await late?.()).to.be.above(0);
    expect(await storedLeases(store)).to.have.length(1);
    await until('it is given back', async () => (await storedLeases(store)).length === 0);
    end.abort();
    await following;
  });

  it('are given back later when the store does not answer to that either', async () => {
    const { store, record } = await setUp();
    let down = false;
    let calls = 0;
    const flaky: Store = {
      ...store,
      async commit(operations) {
        if (down) throw lost();
        const version = await store.commit(operations);
        if (calls++ > 0) return version;
        down = true;
        throw lost();
      },
    };
    const ipam = createIpam({ store: flaky, host: 'h1' });
    expect(await failed(ipam.lease(record, grantTo(ONE)))).to.equal(true);
    await ipam.load();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await storedLeases(store)).to.have.length(1);
    down = false;
    await ipam.load();
    await until('it is given back', async () => (await storedLeases(store)).length === 0);
  });

  it('are recognised when a swap was made though the store says that it was not', async () => {
    const { store, record } = await setUp();
    let first = true;
    const odd: Store = {
      ...store,
      async commit(operations) {
        const version = await store.commit(operations);
        return first ? ((first = false), 0) : version;
      },
    };
    const ipam = createIpam({ store: odd, host: 'h1' });
    const lease = await ipam.lease(record, grantTo(ONE), '10.0.0.9');
    expect(await storedLeases(store)).to.deep.equal([lease]);
  });
});

describe('a change of a lease', () => {
  async function leased() {
    const { store, record } = await setUp();
    const ipam = createIpam({ store, host: 'h1' });
    const lease = await ipam.lease(record, grantTo(ONE, { endpoint: 'e', names: ['one'] }));
    const commits: Operation[][] = [];
    const { commit } = store;
    store.commit = (operations) => {
      commits.push(operations);
      return commit(operations);
    };
    return { store, record, ipam, lease, commits };
  }

  it('changes what it names, takes away what it has as undefined, and keeps the rest', async () => {
    const { store, ipam, lease } = await leased();
    const { endpoint: _, ...rest } = lease;
    const wanted = { ...rest, mac: '02:00:00:00:00:01', kept: true, up: false };
    const change = { endpoint: undefined, mac: '02:00:00:00:00:01', kept: true, up: false };
    expect(await ipam.update('web', lease.ip, change)).to.deep.equal(wanted);
    expect(await storedLeases(store)).to.deep.equal([wanted]);
    expect(ipam.find('web', lease.ip)).to.deep.equal(wanted);
    expect(ipam.find('web', lease.ip)).not.to.have.property('endpoint');
  });

  it('is not written when the lease says so already', async () => {
    const { ipam, lease, commits } = await leased();
    const same = { endpoint: 'e', mac: undefined, names: ['one'], up: true };
    expect(await ipam.update('web', lease.ip, same)).to.deep.equal(lease);
    expect(commits).to.deep.equal([]);
  });

  it('is none where this host has no lease', async () => {
    const { store, record, ipam, commits } = await leased();
    const theirs = await createIpam({ store, host: 'h2' }).lease(record, grantTo(TWO));
    await ipam.load();
    commits.length = 0;
    expect(await ipam.update('web', theirs.ip, { up: false })).to.equal(undefined);
    expect(await ipam.update('web', '10.0.0.200', { up: false })).to.equal(undefined);
    await ipam.release('web', theirs.ip);
    expect(ipam.find('web', theirs.ip)).to.equal(undefined);
    expect(commits).to.deep.equal([]);
    expect(await storedLeases(store)).to.have.length(2);
  });

  it('does not reach the lease that another host has made there meanwhile', async () => {
    const { store, record, ipam, lease } = await leased();
    const other = createIpam({ store, host: 'h2' });
    await other.load();
    await other.releaseHost('h1');
    const theirs = await other.lease(record, grantTo(TWO), lease.ip);
    // The news of it has not come yet.
    expect(ipam.find('web', lease.ip)).to.deep.equal(lease);
    expect(await ipam.update('web', lease.ip, { up: false })).to.equal(undefined);
    await ipam.release('web', lease.ip);
    expect(await storedLeases(store)).to.deep.equal([theirs]);
  });

  it('does not reach the lease that this host has made there meanwhile', async () => {
    const { store, record, ipam, lease } = await leased();
    const again = createIpam({ store, host: 'h1' });
    await again.load();
    await again.release('web', lease.ip);
    const anew = await again.lease(record, grantTo(ONE, { names: ['anew'] }), lease.ip);
    expect(await ipam.update('web', lease.ip, { up: false })).to.equal(undefined);
    expect(await storedLeases(store)).to.deep.equal([anew]);
  });

  it('that gives it back does not reach such a lease either', async () => {
    const { store, record, ipam, lease } = await leased();
    const again = createIpam({ store, host: 'h1' });
    await again.load();
    await again.release('web', lease.ip);
    const anew = await again.lease(record, grantTo(ONE), lease.ip);
    await ipam.release('web', lease.ip);
    expect(await storedLeases(store)).to.deep.equal([anew]);
  });

  it('waits for the one before: none undoes another', async () => {
    const { store, ipam, lease } = await leased();
    const { ip } = lease;
    await Promise.all([
      ipam.update('web', ip, { up: false }),
      ipam.update('web', ip, { names: ['new'] }),
      ipam.update('web', ip, { up: true, kept: true }),
      ipam.update('web', ip, { endpoint: undefined }),
    ]);
    const [stored] = await storedLeases(store);
    expect(stored).to.deep.include({ id: lease.id, up: true, kept: true, names: ['new'] });
    expect(stored).not.to.have.property('endpoint');
  });

  it('may say of a release that the lease is wanted after all', async () => {
    const { store, ipam, lease, commits } = await leased();
    const asked: unknown[] = [];
    await ipam.release('web', lease.ip, (present) => (asked.push(present), false));
    expect([asked, commits]).to.deep.equal([[lease], []]);
    expect(ipam.find('web', lease.ip)).to.deep.equal(lease);
    await ipam.release('web', lease.ip, ({ endpoint }) => endpoint === 'e');
    expect(await storedLeases(store)).to.deep.equal([]);
  });

  it('is what a release is asked about, though it was made while the release was under way', async () => {
    const { store, ipam, lease } = await leased();
    // Another process with this host's id, of which the first knows nothing yet.
    const second = createIpam({ store, host: 'h1' });
    await second.load();
    await second.update('web', lease.ip, { endpoint: 'next' });
    const asked: (string | undefined)[] = [];
    await ipam.release('web', lease.ip, ({ endpoint }) => (asked.push(endpoint), endpoint === 'e'));
    expect(asked).to.deep.equal(['e', 'next']);
    expect((await storedLeases(store)).map(({ endpoint }) => endpoint)).to.deep.equal(['next']);
  });
});
