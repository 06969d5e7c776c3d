import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createAddresses, UNUSED_MS } from '../../../lib/endpoints/addresses.js';
import { createTeller } from '../../../lib/endpoints/teller.js';
import { A, E1, IP, kindOf, leasing, NOW, turn } from './support.js';

describe('addresses', () => {
  async function setUp() {
    const parts = await leasing();
    const { ipam, networks, log } = parts;
    const clock = { now: NOW };
    /** Addresses that have an endpoint, and whether that is alive. */
    const open = new Map<string, boolean>();
    const addresses = createAddresses({
      ...{ networks, ipam, log, teller: createTeller({ ipam, log }) },
      isOpen: (_network, ip) => open.has(ip),
      isAlive: async (_network, ip) => (await turn(), open.get(ip) ?? false),
      now: () => clock.now,
    });
    /** Docker makes an endpoint with it. */
    async function use(ip: string): Promise<void> {
      addresses.used('web', ip);
      open.set(ip, true);
      await ipam.update('web', ip, { endpoint: E1, up: true });
    }
    async function stop(ip: string): Promise<void> {
      open.delete(ip);
      await addresses.giveBack('web', ip);
    }
    return { ...parts, addresses, clock, open, use, stop };
  }

  it('are waited for that are being given back', async () => {
    const { addresses, ipam, use, open } = await setUp();
    const [ip, other] = [await addresses.request('web'), await addresses.request('web')];
    for (const one of [ip, other]) {
      await use(one);
      open.delete(one);
      void addresses.giveBack('web', one);
    }
    await addresses.returned('db');
    expect(ipam.owned()).not.to.deep.equal([]);
    await addresses.returned('web');
    expect(ipam.owned()).to.deep.equal([]);
    await addresses.returned('web');
  });

  it('keeps one for a container, which gets it at each start and nobody else does', async () => {
    const { addresses, ipam, use, stop } = await setUp();
    const lease = await addresses.keep('web', { names: ['con'] });
    expect(lease).to.deep.include({ ip: IP, kept: true, up: false, names: ['con'] });
    await addresses.assign(lease, A, ['con', 'db']);
    for (let start = 0; start < 2; start++) {
      expect(await addresses.request('web', IP)).to.equal(IP);
      expect(addresses.isAwaited('web', IP)).to.equal(true);
      await use(IP);
      expect(addresses.isAwaited('web', IP)).to.equal(false);
      expect(await kindOf(addresses.request('web', IP)), 'in use').to.equal('conflict');
      expect(await addresses.request('web'), 'any').to.not.equal(IP);
      await stop(IP);
      const rests = { id: lease.id, container: A, up: false, names: ['con', 'db'] };
      expect(ipam.find('web', IP)).to.deep.include(rests).and.not.have.property('endpoint');
    }
  });

  it('leases one that nobody has, and ends the lease with the endpoint', async () => {
    const { addresses, ipam, use, stop } = await setUp();
    for (const wanted of [undefined, '10.0.0.77']) {
      const ip = await addresses.request('web', wanted);
      if (wanted) expect(ip).to.equal(wanted);
      expect(ipam.find('web', ip)).to.deep.include({ kept: false, up: false, names: [] });
      await use(ip);
      await stop(ip);
      expect(ipam.find('web', ip)).to.equal(undefined);
    }
  });

  it('refuses one that another host has, and a network that is not there', async () => {
    const { addresses, elsewhere, record, grant } = await setUp();
    await elsewhere.lease(record, grant(), IP);
    expect(await kindOf(addresses.request('web', IP))).to.equal('conflict');
    expect(await kindOf(addresses.request('web', '10.9.9.9'))).to.equal('invalid');
    expect(await kindOf(addresses.request('shop'))).to.equal('notFound');
  });

  it('gives one address to one of those who ask at once', async () => {
    const { addresses } = await setUp();
    await addresses.keep('web', { names: [] });
    for (const ip of [IP, '10.0.0.77']) {
      const all = await Promise.all(Array.from({ length: 5 }, () => kindOf(addresses.request('web', ip))));
      expect(all.sort(), ip).to.deep.equal([...Array<string>(4).fill('conflict'), 'success']);
    }
  });

  it('gives a kept one again whose endpoint is dead, or was never made', async () => {
    const { addresses, open, use, clock } = await setUp();
    await addresses.keep('web', { names: [] });
    await addresses.request('web', IP);
    await use(IP);
    open.set(IP, false);
    expect(await addresses.request('web', IP), 'dead').to.equal(IP);
    expect(await kindOf(addresses.request('web', IP)), 'awaited').to.equal('conflict');
    clock.now += UNUSED_MS;
    expect(addresses.isAwaited('web', IP)).to.equal(false);
    expect(await addresses.request('web', IP), 'never made').to.equal(IP);
  });

  it('gives a kept one again at once when a start has failed', async () => {
    const { addresses } = await setUp();
    await addresses.keep('web', { names: [] });
    await addresses.request('web', IP);
    await addresses.giveBack('web', IP);
    expect(addresses.isAwaited('web', IP)).to.equal(false);
    expect(await addresses.request('web', IP)).to.equal(IP);
  });

  it('leases one anew that is lost while its endpoint is looked for', async () => {
    const { ipam, networks, log } = await setUp();
    const addresses = createAddresses({
      ...{ networks, ipam, log, teller: createTeller({ ipam, log }), isOpen: () => true },
      isAlive: async () => (await ipam.release('web', IP), false),
    });
    const { id } = await addresses.keep('web', { names: [] });
    expect(await addresses.request('web', IP)).to.equal(IP);
    const found = ipam.find('web', IP);
    expect([found !== undefined, found?.id === id]).to.deep.equal([true, false]);
  });

  it('is not stuck when it cannot be found out whether the endpoint is alive', async () => {
    const { ipam, networks, log } = await setUp();
    let isBroken = true;
    const addresses = createAddresses({
      ...{ networks, ipam, log, teller: createTeller({ ipam, log }), isOpen: () => true },
      isAlive: async () => {
        if (isBroken) throw new AppError('internal', 'broken');
        return false;
      },
    });
    await addresses.keep('web', { names: [] });
    expect(await kindOf(addresses.request('web', IP))).to.equal('internal');
    isBroken = false;
    expect(await addresses.request('web', IP)).to.equal(IP);
  });

  it('leases one anew that is given back while it is asked for', async () => {
    const { addresses, ipam, use, open } = await setUp();
    await addresses.request('web', IP);
    await use(IP);
    const before = ipam.find('web', IP)!.id;
    open.delete(IP);
    const [, ip] = await Promise.all([addresses.giveBack('web', IP), addresses.request('web', IP)]);
    const after = ipam.find('web', ip);
    expect([ip, after !== undefined, after?.id === before]).to.deep.equal([IP, true, false]);
    expect(addresses.isAwaited('web', IP)).to.equal(true);
  });

  it('keeps what has an endpoint again when it is given back late', async () => {
    const { addresses, ipam, use } = await setUp();
    await addresses.keep('web', { container: A, names: [] });
    await addresses.request('web', IP);
    await use(IP);
    await addresses.giveBack('web', IP);
    expect(ipam.find('web', IP)).to.include({ endpoint: E1, up: true });
    const other = await addresses.request('web');
    await use(other);
    await addresses.giveBack('web', other);
    expect(ipam.find('web', other)?.up).to.equal(true);
  });

  it('says nothing when it cannot be given back, nor when there is nothing', async () => {
    const { addresses, store, ipam } = await setUp();
    await addresses.giveBack('web', IP);
    const ip = await addresses.request('web');
    const { commit } = store;
    store.commit = () => Promise.reject(new AppError('unavailable', 'away'));
    await addresses.giveBack('web', ip);
    store.commit = commit;
    expect(ipam.find('web', ip)).to.not.equal(undefined);
  });

  it('gives up what a container was to get, unless that has it', async () => {
    const { addresses, ipam, use } = await setUp();
    await addresses.abandon(await addresses.keep('web', { names: [] }));
    expect(ipam.owned()).to.deep.equal([]);
    const lease = await addresses.keep('web', { names: [] });
    await addresses.request('web', lease.ip);
    await addresses.abandon(lease);
    expect(ipam.find('web', lease.ip)?.id, 'awaited').to.equal(lease.id);
    await use(lease.ip);
    await addresses.abandon(lease);
    expect(ipam.find('web', lease.ip)?.id, 'in use').to.equal(lease.id);
  });

  it('ends no lease but the one that is meant, and none that is needed again', async () => {
    const { addresses, ipam, open } = await setUp();
    const first = await addresses.keep('web', { names: [] });
    await addresses.request('web', IP);
    expect(await addresses.release(first), 'awaited').to.equal(false);
    addresses.used('web', IP);
    open.set(IP, true);
    expect(await addresses.release(first), 'open').to.equal(false);
    expect(ipam.find('web', IP)?.id).to.equal(first.id);
    open.delete(IP);
    expect(await addresses.release(first)).to.equal(true);
    await addresses.request('web', IP);
    addresses.used('web', IP);
    await addresses.release(first);
    await addresses.abandon(first);
    expect(ipam.find('web', IP), 'the next lease').to.not.equal(undefined);
  });

  it('lets a release and a request meet, and whoever asked has a lease', async () => {
    for (const isFirst of [true, false]) {
      const { addresses, ipam } = await setUp();
      const lease = await addresses.keep('web', { names: [] });
      const release = () => addresses.release(lease);
      const ask = () => addresses.request('web', IP);
      await Promise.all(isFirst ? [release(), ask()] : [ask(), release()]);
      expect(ipam.find('web', IP), String(isFirst)).to.not.equal(undefined);
    }
  });

  it('leases again what nobody seemed to need while Docker was making the container', async () => {
    const { addresses, ipam, elsewhere, record, grant } = await setUp();
    const lease = await addresses.keep('web', { names: ['con'] });
    await addresses.release(lease);
    await addresses.assign(lease, A, ['con']);
    expect(ipam.find('web', IP)).to.deep.include({ container: A, kept: true, up: false, names: ['con'] });
    const other = await addresses.keep('web', { names: ['late'] });
    await addresses.release(other);
    await elsewhere.load();
    await elsewhere.lease(record, grant(), other.ip);
    await ipam.load();
    expect(await kindOf(addresses.assign(other, A, ['late'])), 'of another host by now').to.equal('conflict');
  });

  it('takes what an endpoint has already', async () => {
    const { addresses, grant } = await setUp();
    const lease = await addresses.take('web', IP, grant({ endpoint: E1, up: true }));
    expect(lease).to.include({ ip: IP, endpoint: E1, up: true });
    expect(await kindOf(addresses.take('web', IP, grant()))).to.equal('conflict');
  });
});
