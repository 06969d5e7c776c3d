import { expect } from 'chai';
import fc from 'fast-check';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import type { Network, NetworkRecord, NetworkSettings } from '../../../lib/base/model.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const ID = (n: number) => n.toString(16).padStart(64, '0');

async function setUp(subnet = '10.0.0.0/24', store: Store = createMemoryStore(), settings?: NetworkSettings) {
  const network: Network = { id: 'web', subnet, gateway: '10.0.0.1', vni: 1, settings };
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
    const lease = await ipam.lease(record, {
      ...{ container: ID(1), endpoint: 'e', kept: true, mac: '02:00:00:00:00:01', names: ['one'], up: true },
    });
    expect(lease.id).to.match(/^[0-9a-f]{16}$/);
    expect(lease).to.deep.equal({
      ...{ id: lease.id, container: ID(1), endpoint: 'e', host: 'h1', time: '1970-01-01T00:00:00.000Z' },
      ...{ kept: true, mac: '02:00:00:00:00:01', names: ['one'], up: true },
      ...{ network: 'web', ip: '10.0.0.2', block: 'blocks/web/10.0.0.0' },
    });
    expect(await storedLeases(store)).to.deep.equal([lease]);
    expect(ipam.find('web', '10.0.0.2')).to.deep.equal(lease);
  });

  it('leases an address before there is a container, and then knows whose it is', async () => {
    const { ipam, record, store } = await setUp();
    const { ip, id } = await ipam.lease(record, { kept: false, names: [], up: false });
    expect(ipam.ofContainer(ID(1))).to.deep.equal([]);
    await ipam.update('web', ip, { container: ID(1), endpoint: 'e', names: ['one'], up: true });
    expect(ipam.ofContainer(ID(1)).map((lease) => lease.ip)).to.deep.equal([ip]);
    await ipam.update('web', ip, { container: ID(2) });
    expect([ipam.ofContainer(ID(1)).length, ipam.ofContainer(ID(2)).length]).to.deep.equal([0, 1]);
    expect((await storedLeases(store))[0]).to.deep.include({ id, container: ID(2), names: ['one'] });
  });

  it('gives a container as many addresses as it is asked for, on any networks, each with its own end', async () => {
    const { ipam, record, store } = await setUp();
    const db: Network = { id: 'db', subnet: '10.9.0.0/24', gateway: '10.9.0.1', vni: 2 };
    const version = await store.commit([{ key: 'networks/db', value: JSON.stringify(db) }]);
    const leases = await Promise.all([
      ipam.lease(record, grantTo(ID(1))),
      ipam.lease(record, grantTo(ID(1))),
      ipam.lease({ network: db, version }, grantTo(ID(1))),
    ]);
    expect(new Set(leases.map(({ id }) => id)).size).to.equal(3);
    expect(ipam.ofContainer(ID(1))).to.have.deep.members(leases);
    await ipam.release('web', leases[0].ip);
    expect(ipam.ofContainer(ID(1))).to.have.deep.members(leases.slice(1));
    expect(ipam.owned()).to.have.deep.members(leases.slice(1));
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
    for (let n = 0; n < 40; n++) await [ipam, other][n % 2]!.lease(record, grantTo(ID(n)));
    expect([outcomes.length, outcomes.includes(0)]).to.deep.equal([40, false]);
    await Promise.all(Array.from({ length: 100 }, (_, n) => ipam.lease(record, grantTo(ID(100 + n)))));
    expect(outcomes.length - 40).to.be.below(10);
    end.abort();
    await Promise.all(following);
  });

  it('leases to all that start at once, also when one write does not take their names', async () => {
    const { ipam, record } = await setUp('10.0.0.0/16');
    const label = 'x'.repeat(60);
    const names = Array.from({ length: 32 }, (_, n) => [n, label, label, label].join('.'));
    const many = Array.from({ length: 100 }, (_, n) => ipam.lease(record, grantTo(ID(n), { names })));
    const ips = (await Promise.all(many)).map(({ ip }) => ip);
    expect(new Set(ips).size).to.equal(100);
  });

  it('uses the whole subnet before it is full, and again what comes back', async () => {
    const { ipam, record } = await setUp('10.0.0.0/28');
    const ips = [];
    for (let n = 0; n < 13; n++) ips.push((await ipam.lease(record, grantTo(ID(n)))).ip);
    expect(new Set(ips).size).to.equal(13);
    const error = await failure(() => ipam.lease(record, grantTo(ID(99))));
    expect([error.kind, error.message]).to.deep.equal([
      'exhausted',
      'network web (10.0.0.0/28) is full: all 13 addresses are taken',
    ]);
    await ipam.release('web', ips[7]!);
    expect((await ipam.lease(record, grantTo(ID(99)))).ip).to.equal(ips[7]);
  });

  it('rests an address as long as possible before giving it again', async () => {
    const { ipam, record } = await setUp();
    const first = await ipam.lease(record, grantTo(ID(1)));
    await ipam.release('web', first.ip);
    expect((await ipam.lease(record, grantTo(ID(2)))).ip).to.not.equal(first.ip);
  });

  it('honours a requested address or says why not', async () => {
    const settings = { range: '10.0.0.128/25', aux: { printer: '10.0.0.8' } };
    const { ipam, record, store } = await setUp('10.0.0.0/24', undefined, settings);
    const { ip: reserved } = await ipam.lease(record, { kept: false, names: [], up: false });
    expect(reserved).to.equal('10.0.0.128');
    // Outside the range, an address may be asked for.
    expect((await ipam.lease(record, grantTo(ID(1)), '10.0.0.9')).ip).to.equal('10.0.0.9');
    const cases: [string, string, RegExp][] = [
      [
        '10.0.0.9',
        'conflict',
        /^Address already in use: 10\.0\.0\.9 of network web belongs to container 000000000000$/,
      ],
      [
        '10.0.0.128',
        'conflict',
        /^Address already in use: 10\.0\.0\.128 of network web belongs to a container that is being created$/,
      ],
      ['10.0.0.8', 'invalid', /kept aside on network web \(aux-address printer\)/],
      ['10.0.1.9', 'invalid', /not in subnet 10\.0\.0\.0\/24/],
      ['10.0.0.1', 'invalid', /gateway address/],
      ['10.0.0.0', 'invalid', /network address/],
      ['10.0.0.255', 'invalid', /broadcast address/],
      ['nonsense', 'invalid', /not in subnet/],
    ];
    for (const [ip, kind, says] of cases) {
      // Also when it is the same container's.
      for (const grant of [grantTo(ID(2)), grantTo(ID(1))]) {
        const error = await failure(() => ipam.lease(record, grant, ip));
        expect(error.kind, ip).to.equal(kind);
        expect(error.message).to.match(says);
      }
    }
    expect(ipam.ofContainer(ID(2))).to.deep.equal([]);
    expect(await storedLeases(store)).to.have.length(2);
  });

  it('gives a requested address once, to whoever is first', async () => {
    const { ipam, record, store } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const outcomes = await Promise.allSettled(
      [ipam, other, ipam].map((host, n) => host.lease(record, grantTo(ID(n)), '10.0.0.9')),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.map(({ reason }) => (reason as AppError).kind)).to.deep.equal(['conflict', 'conflict']);
    expect(await storedLeases(store)).to.have.length(1);
  });

  it('honours a requested address that another host has given back a moment ago', async () => {
    const { ipam, record, store } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    await other.lease(record, grantTo(ID(50)), '10.0.0.9');
    await ipam.load();
    expect((await failure(() => ipam.lease(record, grantTo(ID(1)), '10.0.0.9'))).kind).to.equal('conflict');
    await other.release('web', '10.0.0.9');
    expect((await ipam.lease(record, grantTo(ID(1)), '10.0.0.9')).ip).to.equal('10.0.0.9');
  });

  it('learns from the store what another host took', async () => {
    const { ipam, record, store } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const theirs = await other.lease(record, grantTo(ID(50)));
    const mine = await ipam.lease(record, grantTo(ID(1)));
    expect(theirs.ip).to.equal('10.0.0.2');
    expect(mine.block).to.not.equal(theirs.block);
    await ipam.release('web', theirs.ip);
    expect((await storedLeases(store)).map(({ container }) => container)).to.include(ID(50));
  });

  it('keeps leases over a restart', async () => {
    const { ipam, record, store } = await setUp();
    const lease = await ipam.lease(record, grantTo(ID(1)));
    const { ipam: again } = await setUp('10.0.0.0/24', store);
    expect(again.find('web', '10.0.0.2')).to.deep.equal(lease);
    expect(again.ofContainer(ID(1))).to.deep.equal([lease]);
    await again.release('web', lease.ip);
    expect(await storedLeases(store)).to.deep.equal([]);
  });

  it('never has two owners for an address nor loses one, in any interleaving of two hosts', async () => {
    const step = fc.record({
      host: fc.nat(1),
      container: fc.nat(9),
      what: fc.constantFrom('lease', 'release', 'update', 'restart'),
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
          const [mine] = ipam.ofContainer(id);
          const tasks = {
            lease: () => ipam.lease(record, grantTo(id)),
            update: () => mine && ipam.update('web', mine.ip, { names: [`${running.length}`], up: false }),
            release: () => mine && ipam.release('web', mine.ip),
          };
          const task = (async () => void (await tasks[what]()))();
          running.push(
            task.catch((error: unknown) => expect((error as AppError).kind).to.equal('exhausted')),
          );
          if (wait) await Promise.all(running.splice(0));
        }
        await Promise.all(running.splice(0));
        const leases = await storedLeases(store);
        expect(new Set(leases.map(({ id }) => id)).size).to.equal(leases.length);
        // What the hosts believe is what the store says.
        const believed = hosts.flatMap((ipam) => ipam.owned());
        expect(believed).to.have.deep.members(leases);
      }),
      { numRuns: 50 },
    );
  });
});

const running: Promise<unknown>[] = [];
