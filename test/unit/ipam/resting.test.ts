import { mock } from 'node:test';
import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import type { Network, NetworkRecord } from '../../../lib/base/model.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createAddressChooser } from '../../../lib/ipam/choose-address.js';
import { createLeaseIndex } from '../../../lib/ipam/lease-index.js';
import { REST_MS } from '../../../lib/ipam/resting.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { grantTo } from '../../support/leases.js';
import { until } from '../../support/until.js';

/** A host, and a clock that stands still until it is set. */
async function setUp(change: Partial<Network> = {}) {
  const store = createMemoryStore();
  const network: Network = { id: 'web', subnet: '10.0.0.0/28', gateway: '10.0.0.1', vni: 1, ...change };
  const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
  const record: NetworkRecord = { network, version };
  const clock = { ms: 5 };
  const ipam = createIpam({ store, host: 'h1', clock: () => clock.ms });
  await ipam.load();
  const lease = async (requested?: string) => (await ipam.lease(record, grantTo('c'), requested)).ip;
  return { store, record, clock, ipam, lease };
}

describe('an address that was given back', () => {
  it('is not chosen before a minute has passed, and is then, when the search comes round', async () => {
    const { clock, ipam, lease } = await setUp();
    for (let n = 0; n < 12; n++) await lease();
    await ipam.release('web', '10.0.0.5');
    clock.ms += REST_MS - 1;
    await ipam.release('web', '10.0.0.3');
    // Only 10.0.0.14 neither rests nor is leased.
    expect(await lease()).to.equal('10.0.0.14');
    clock.ms += 1;
    expect(await lease()).to.equal('10.0.0.5');
  });

  it('is given when nothing else is left, the one first that has rested longest', async () => {
    const { clock, ipam, lease } = await setUp();
    for (let n = 0; n < 13; n++) await lease();
    for (const ip of ['10.0.0.9', '10.0.0.3', '10.0.0.14', '10.0.0.4']) {
      await ipam.release('web', ip);
      clock.ms += 1;
    }
    // Given back again, it has rested for a shorter time than the others.
    await lease('10.0.0.3');
    await ipam.release('web', '10.0.0.3');
    const ips = [await lease(), await lease(), await lease(), await lease()];
    expect(ips).to.deep.equal(['10.0.0.9', '10.0.0.14', '10.0.0.4', '10.0.0.3']);
    const error = await lease().catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(AppError).with.property('kind', 'exhausted');
  });

  it('is given at once to those who ask for it', async () => {
    const { ipam, lease } = await setUp();
    await lease('10.0.0.9');
    await ipam.release('web', '10.0.0.9');
    expect(await lease('10.0.0.9')).to.equal('10.0.0.9');
  });

  it('rests also when it was another host’s', async () => {
    const { store, record, ipam, lease } = await setUp();
    const other = createIpam({ store, host: 'h2' });
    const { ip } = await other.lease(record, grantTo('theirs'), '10.0.0.2');
    const end = new AbortController();
    const following = ipam.follow(end.signal);
    await until('their lease', async () => ipam.usedOn('web') === 1);
    await other.release('web', ip);
    await until('its end', async () => ipam.usedOn('web') === 0);
    expect(await lease()).to.equal('10.0.0.3');
    end.abort();
    await following;
  });

  it('rests neither longer nor shorter when the time of day is set', async () => {
    const store = createMemoryStore();
    const network: Network = { id: 'web', subnet: '10.0.0.0/29', gateway: '10.0.0.1', vni: 1 };
    const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(network) }]);
    const ipam = createIpam({ store, host: 'h1' });
    await ipam.load();
    const lease = async () => (await ipam.lease({ network, version }, grantTo('c'))).ip;
    mock.timers.enable({ apis: ['Date'], now: Date.UTC(2030, 0, 1) });
    try {
      for (let n = 0; n < 3; n++) await lease();
      await ipam.release('web', '10.0.0.2');
      mock.timers.setTime(Date.UTC(2030, 0, 2));
      await ipam.release('web', '10.0.0.3');
      // Forth by a day, and back: neither has rested for a minute, and what does not rest comes first.
      expect([await lease(), await lease()]).to.deep.equal(['10.0.0.5', '10.0.0.6']);
      expect(await lease()).to.equal('10.0.0.2');
    } finally {
      mock.timers.reset();
    }
  });

  it('rests in a block that is gone, and in one that is still there', async () => {
    // Blocks of 4.
    const { ipam, lease } = await setUp({ subnet: '10.0.0.0/24' });
    await lease('10.0.0.2');
    await ipam.release('web', '10.0.0.2');
    expect(await lease()).to.equal('10.0.0.3');
    await lease('10.0.0.5');
    await lease('10.0.0.4');
    await ipam.release('web', '10.0.0.4');
    expect([await lease(), await lease(), await lease()]).to.deep.equal(['10.0.0.6', '10.0.0.7', '10.0.0.8']);
  });

  it('does not rest any more once it is leased again: its block is used up all the same', async () => {
    const { ipam, lease } = await setUp({ subnet: '10.0.0.0/24' });
    await lease('10.0.0.4');
    await ipam.release('web', '10.0.0.4');
    for (const ip of ['10.0.0.4', '10.0.0.5', '10.0.0.6']) await lease(ip);
    expect(await lease()).to.equal('10.0.0.7');
  });

  it('rests in the range of its network, where only those outside are asked for', async () => {
    const { ipam, lease } = await setUp({ subnet: '10.0.0.0/24', settings: { range: '10.0.0.64/30' } });
    const ips = [await lease(), await lease(), await lease(), await lease()];
    expect(ips).to.deep.equal(['10.0.0.64', '10.0.0.65', '10.0.0.66', '10.0.0.67']);
    await lease('10.0.0.200');
    await ipam.release('web', '10.0.0.200');
    const full = await lease().catch((error: Error) => error.message);
    expect(full).to.equal(
      'network web (10.0.0.0/24) is full: all 4 addresses of its range 10.0.0.64/30 are taken',
    );
    await ipam.release('web', '10.0.0.66');
    expect(await lease()).to.equal('10.0.0.66');
  });
});

describe('the search among many addresses at rest', () => {
  it('stays cheap, whether they are in blocks or not', () => {
    const network: Network = { id: 'web', subnet: '10.0.0.0/8', gateway: '10.0.0.1', vni: 1 };
    const index = createLeaseIndex('h1');
    let asked = 0;
    const chooser = createAddressChooser({ ...index, at: (...args) => (asked++, index.at(...args)) });
    const lease = (id: string) => ({ id, host: 'h1', time: '', kept: false, names: [], up: true });
    const blocks = Array.from({ length: 6_000 }, (_, n) => {
      const base = `10.${n >> 12}.${(n >> 4) & 255}.`;
      const ips = Array.from({ length: 16 }, (_, at) => base + ((n & 15) * 16 + at)).slice(n === 0 ? 2 : 0);
      return { key: `blocks/web/${base}${(n & 15) * 16}`, ips };
    });
    let version = 0;
    for (const { key, ips } of blocks) {
      const leases = Object.fromEntries(ips.map((ip) => [ip, lease(ip)]));
      index.committed(key, { host: 'h1', leases }, ++version);
    }
    // Of each second block all, of the others all but one address come back.
    blocks.forEach(({ key, ips: [ip] }, n) =>
      index.committed(key, n % 2 ? undefined : { host: 'h1', leases: { [ip!]: lease(ip!) } }, ++version),
    );
    expect(index.count('web')).to.equal(3_000);
    for (let n = 0; n < 100; n++) chooser.choose(network);
    expect(asked).to.be.below(1_000);
  });
});
