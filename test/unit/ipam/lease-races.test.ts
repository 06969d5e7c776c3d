import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createLeaseIndex, type LeaseChange } from '../../../lib/ipam/lease-index.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Operation, Store } from '../../../lib/store/store.js';
import { storedLeases } from '../../support/leases.js';

const NETWORK = { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 };
const KEY = 'blocks/web/10.0.0.0';
const [ONE, TWO] = ['1'.repeat(64), '2'.repeat(64)] as const;

async function setUp() {
  const store = createMemoryStore();
  const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(NETWORK) }]);
  return { store, record: { network: NETWORK, version } };
}

function blockOf(container: string, host: string) {
  const lease = { container, host, time: '', names: [], up: true };
  return { host: 'h1', leases: { '10.0.0.2': lease } };
}

const lost = () => new AppError('unavailable', 'the store does not answer');
const failed = (promise: Promise<unknown>) => promise.then(() => false).catch(() => true);

describe('leases, when news cross', () => {
  it('forget what was given back between reading all and watching', async () => {
    const { store, record } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const { lease } = await other.acquire(record, TWO);
    const ipam = createIpam({ store, host: 'h1' });
    await ipam.load();
    await other.release(TWO);
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
    expect(index.own(ONE)).to.equal(undefined);
    expect(index.at('web', '10.0.0.2')?.container).to.equal(TWO);
  });

  it('do not believe that there is nothing when something was written since the question', () => {
    const index = createLeaseIndex('h1');
    const { version } = index.block(KEY);
    index.committed(KEY, blockOf(ONE, 'h1'), 5);
    index.set(KEY, undefined, version);
    expect(index.own(ONE)?.ip).to.equal('10.0.0.2');
    index.set(KEY, undefined, 5);
    expect(index.own(ONE)).to.equal(undefined);
  });

  it('leave a new block to the host that was quicker to make it', async () => {
    const { store, record } = await setUp();
    const quicker = createIpam({ store, host: 'h1' });
    await quicker.acquire(record, ONE, { requested: '10.0.0.3' });
    const { lease } = await createIpam({ store, host: 'h2' }).acquire(record, TWO);
    expect(lease.block).not.to.equal(KEY);
  });

  it('are read anew when the store was set back', async () => {
    const { store, record } = await setUp();
    async function* setBack() {
      yield { put: await store.list('blocks/'), drop: [] };
      // By another host, in the store as it was before: of that the watch tells nothing.
      await createIpam({ store, host: 'h2' }).acquire(record, TWO);
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
    await ipam.acquire(record, ONE);
    mute = true;
    expect(await failed(ipam.describe(ONE, { names: [], up: false }))).to.equal(true);
    mute = false;
    await ipam.describe(ONE, { names: [], up: true });
    expect((await storedLeases(store)).map(({ up }) => up)).to.deep.equal([true]);
  });

  it('are all given back when a write that was given up was made late', async () => {
    const { store, record } = await setUp();
    let late: Operation[] | undefined;
    let calls = 0;
    const slow: Store = {
      ...store,
      async commit(operations) {
        if (calls++ === 0) {
          late = operations;
          throw lost();
        }
        if (late) await store.commit(late.splice(0));
        return store.commit(operations);
      },
    };
    const ipam = createIpam({ store: slow, host: 'h1' });
    expect(await failed(ipam.acquire(record, ONE))).to.equal(true);
    await ipam.acquire(record, ONE);
    await ipam.release(ONE);
    expect([await storedLeases(store), ipam.owned()]).to.deep.equal([[], []]);
  });
});
