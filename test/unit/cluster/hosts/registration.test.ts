import { expect } from 'chai';
import { createEvictions } from '../../../../lib/cluster/hosts/evictions.js';
import { createHosts, HOSTS } from '../../../../lib/cluster/hosts/records.js';
import { AppError } from '../../../../lib/base/errors.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createRegistration } from '../../../../lib/cluster/hosts/registration.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';
import { until } from '../../../support/until.js';

describe('a host among those that take each other’s packets', () => {
  async function setUp() {
    const store = createMemoryStore();
    const hosts = createHosts(store, silentLog);
    const evictions = createEvictions(store);
    const end = new AbortController();
    const done: string[] = [];
    let address = '192.0.2.1';
    const registration = createRegistration({
      hostId: 'me',
      name: 'me',
      address: () => address,
      local: {
        reloadLeases: async () => void done.push('load'),
        converge: async () => done.push('converge') > 0,
        setPeers: async () => undefined,
      },
      claim: async () => ({ key: 'identities/me', ifVersion: 0 }),
      hosts,
      evictions,
      signal: end.signal,
      log: silentLog,
    });
    await registration.register(await evictions.condition('me'));
    const listed = async () => (await hosts.list()).map((record) => record.address);
    const following = registration.follow();
    return {
      store,
      evictions,
      registration,
      done,
      listed,
      move: (to: string) => {
        address = to;
        return registration.moved();
      },
      end: () => (end.abort(), following),
    };
  }

  it('comes back when it was given up, with what it has read since', async () => {
    const { store, evictions, done, listed, end } = await setUp();
    await store.commit([{ key: `${HOSTS}me`, value: null }]);
    await until('it to be listed', async () => (await listed()).length === 1);
    expect(done).to.deep.equal(['load', 'converge']);
    expect(await evictions.begin('me'), 'it takes part').to.equal(false);
    await end();
  });

  it('is listed at its new address, also when the store is away just then', async () => {
    const { store, listed, move, end } = await setUp();
    const { commit } = store;
    store.commit = async () => {
      store.commit = commit;
      throw new AppError('unavailable', 'no leader');
    };
    await move('192.0.2.9');
    expect(await listed()).to.deep.equal(['192.0.2.9']);
    await end();
  });

  it('does not take part at its new address with what it knew before it was given up', async () => {
    const { store, evictions, done, listed, move, end } = await setUp();
    const { commit } = store;
    // Its record goes, and its leases, just before it writes the new address.
    store.commit = async (operations) => {
      store.commit = commit;
      await commit([{ key: `${HOSTS}me`, value: null }]);
      await evictions.begin('me');
      await evictions.end('me');
      return commit(operations);
    };
    await move('192.0.2.9');
    expect(await listed()).to.deep.equal(['192.0.2.9']);
    expect(done.filter((step) => step === 'load').length).to.be.at.least(2);
    await end();
  });
});
