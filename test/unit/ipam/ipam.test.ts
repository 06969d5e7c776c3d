import { expect } from 'chai';
import fc from 'fast-check';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import type { NetworkRecord } from '../../../lib/base/model.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';
import { storedLeases } from '../../support/leases.js';

const ID = (n: number) => n.toString(16).padStart(64, '0');

async function setUp(subnet = '10.0.0.0/24', store: Store = createMemoryStore()) {
  const network = { id: 'web', subnet, gateway: '10.0.0.1', vni: 1 };
  if (!(await store.get('networks/web')))
    await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
  const record: NetworkRecord = { network, version: (await store.get('networks/web'))!.version };
  const ipam = createIpam({ store, host: 'h1', now: () => new Date(0) });
  await ipam.load();
  return { store, record, ipam };
}

async function failure(task: () => unknown): Promise<AppError> {
  try {
    await task();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

describe('ipam', () => {
  it('leases from the second address on, and records owner, host and time', async () => {
    const { ipam, record, store } = await setUp();
    const { lease, fresh } = await ipam.acquire(record, ID(1));
    expect([lease.ip, fresh]).to.deep.equal(['10.0.0.2', true]);
    expect(await storedLeases(store)).to.deep.equal([
      {
        container: ID(1),
        host: 'h1',
        time: '1970-01-01T00:00:00.000Z',
        names: [],
        up: true,
        network: 'web',
        ip: '10.0.0.2',
        block: 'blocks/web/10.0.0.0',
      },
    ]);
  });

  it('gives a container the address that it has', async () => {
    const { ipam, record } = await setUp();
    const leases = await Promise.all([1, 1, 1].map((n) => ipam.acquire(record, ID(n))));
    expect(new Set(leases.map(({ lease }) => lease.ip)).size).to.equal(1);
    expect(leases.filter(({ fresh }) => fresh)).to.have.length(1);
  });

  it('writes once for an address, shares that among those that start at once, and meets no other host', async () => {
    const store = createMemoryStore();
    const { ipam, record } = await setUp('10.0.0.0/16', store);
    const other = createIpam({ store, host: 'h2' });
    const outcomes: number[] = [];
    const { commit } = store;
    store.commit = async (operations) => {
      const version = await commit(operations);
      outcomes.push(version);
      return version;
    };
    const end = new AbortController();
    const following = [ipam, other].map((host) => host.follow(end.signal));
    for (let n = 0; n < 40; n++) await [ipam, other][n % 2]!.acquire(record, ID(n));
    expect([outcomes.length, outcomes.includes(0)]).to.deep.equal([40, false]);
    await Promise.all(Array.from({ length: 100 }, (_, n) => ipam.acquire(record, ID(100 + n))));
    expect(outcomes.length - 40).to.be.below(10);
    end.abort();
    await Promise.all(following);
  });

  it('leases to all that start at once, also when one write does not take their names', async () => {
    const { ipam, record } = await setUp('10.0.0.0/16');
    const label = 'x'.repeat(60);
    const names = Array.from({ length: 32 }, (_, n) => [n, label, label, label].join('.'));
    const options = { description: { names, up: true } };
    const many = Array.from({ length: 100 }, (_, n) => ipam.acquire(record, ID(n), options));
    const ips = (await Promise.all(many)).map(({ lease }) => lease.ip);
    expect(new Set(ips).size).to.equal(100);
  });

  it('uses the whole subnet before it is full, and again what comes back', async () => {
    const { ipam, record } = await setUp('10.0.0.0/28');
    const ips = [];
    for (let n = 0; n < 13; n++) ips.push((await ipam.acquire(record, ID(n))).lease.ip);
    expect(new Set(ips).size).to.equal(13);
    const error = await failure(() => ipam.acquire(record, ID(99)));
    expect([error.kind, error.message]).to.deep.equal([
      'exhausted',
      'network web (10.0.0.0/28) is full: all 13 addresses are taken',
    ]);
    await ipam.release(ID(7));
    expect((await ipam.acquire(record, ID(99))).lease.ip).to.equal(ips[7]);
  });

  it('rests an address as long as possible before giving it again', async () => {
    const { ipam, record } = await setUp();
    const { lease: first } = await ipam.acquire(record, ID(1));
    await ipam.release(ID(1));
    expect((await ipam.acquire(record, ID(2))).lease.ip).to.not.equal(first.ip);
  });

  it('honours a requested address or says why not', async () => {
    const { ipam, record } = await setUp();
    expect((await ipam.acquire(record, ID(1), { requested: '10.0.0.9' })).lease.ip).to.equal('10.0.0.9');
    const cases: [string, string, RegExp][] = [
      ['10.0.0.9', 'conflict', /in use by container 000000000000/],
      ['10.0.1.9', 'invalid', /not in subnet 10\.0\.0\.0\/24/],
      ['10.0.0.1', 'invalid', /gateway address/],
      ['10.0.0.0', 'invalid', /network address/],
      ['10.0.0.255', 'invalid', /broadcast address/],
      ['nonsense', 'invalid', /not in subnet/],
    ];
    for (const [ip, kind, says] of cases) {
      const error = await failure(() => ipam.acquire(record, ID(2), { requested: ip }));
      expect(error.kind, ip).to.equal(kind);
      expect(error.message).to.match(says);
    }
    expect(ipam.find(ID(2))).to.equal(undefined);
  });

  it('honours a requested address that another host has given back a moment ago', async () => {
    const { ipam, record, store } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    await other.acquire(record, ID(50), { requested: '10.0.0.9' });
    await ipam.load();
    expect((await failure(() => ipam.check(record.network, '10.0.0.9'))).kind).to.equal('conflict');
    await other.release(ID(50));
    await ipam.check(record.network, '10.0.0.9');
    expect((await ipam.acquire(record, ID(1), { requested: '10.0.0.9' })).lease.ip).to.equal('10.0.0.9');
  });

  it('learns from the store what another host took', async () => {
    const { ipam, record, store } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const { lease: theirs } = await other.acquire(record, ID(50));
    const { lease: mine } = await ipam.acquire(record, ID(1));
    expect(theirs.ip).to.equal('10.0.0.2');
    expect(mine.block).to.not.equal(theirs.block);
    await ipam.release(ID(50));
    expect((await storedLeases(store)).map(({ container }) => container)).to.include(ID(50));
  });

  it('keeps leases over a restart', async () => {
    const { ipam, record, store } = await setUp();
    await ipam.acquire(record, ID(1));
    const { ipam: again } = await setUp('10.0.0.0/24', store);
    expect(again.find(ID(1))?.ip).to.equal('10.0.0.2');
    expect((await again.acquire(record, ID(1))).fresh).to.equal(false);
    await again.release(ID(1));
    expect(await storedLeases(store)).to.deep.equal([]);
  });

  it('recognises its own write when the answer was lost', async () => {
    const store = createMemoryStore();
    let lose = true;
    const { record } = await setUp('10.0.0.0/24', store);
    const flaky: Store = {
      ...store,
      commit: async (operations) => {
        const applied = await store.commit(operations);
        if (!lose) return applied;
        lose = false;
        throw new AppError('unavailable', 'answer lost');
      },
    };
    const ipam = createIpam({ store: flaky, host: 'h1' });
    expect((await failure(() => ipam.acquire(record, ID(1)))).kind).to.equal('unavailable');
    expect((await ipam.acquire(record, ID(1))).lease.ip).to.equal('10.0.0.2');
    expect(await storedLeases(store)).to.have.length(1);
  });

  it('never has two owners for an address nor loses one, in any interleaving of two hosts', async () => {
    const step = fc.record({
      host: fc.nat(1),
      container: fc.nat(9),
      what: fc.constantFrom('acquire', 'release', 'restart'),
      wait: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { store, record } = await setUp('10.0.0.0/28');
        const fresh = (host: number) => createIpam({ store, host: `h${host}` });
        const hosts = [fresh(0), fresh(1)];
        for (const { host, container, what, wait } of steps) {
          const id = ID(host * 100 + container);
          const ipam = hosts[host]!;
          if (what === 'restart') {
            await Promise.all(running.splice(0));
            hosts[host] = fresh(host);
            await hosts[host].load();
            continue;
          }
          const task = what === 'acquire' ? ipam.acquire(record, id) : ipam.release(id);
          running.push(
            task.catch((error: unknown) => expect((error as AppError).kind).to.equal('exhausted')),
          );
          if (wait) await Promise.all(running.splice(0));
        }
        await Promise.all(running.splice(0));
        const owners = (await storedLeases(store)).map(({ container }) => container);
        expect(new Set(owners).size).to.equal(owners.length);
        // What the hosts believe is what the store says.
        const believed = hosts.flatMap((ipam) => ipam.owned()).sort();
        expect(believed).to.deep.equal([...owners].sort());
      }),
      { numRuns: 50 },
    );
  });
});

const running: Promise<unknown>[] = [];
