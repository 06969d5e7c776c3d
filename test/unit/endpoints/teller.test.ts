import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { createTeller } from '../../../lib/endpoints/teller.js';
import { A, E1, E2, IP, kindOf, leasing, turn } from './support.js';

describe('teller', () => {
  async function setUp() {
    const parts = await leasing();
    const { ipam, record, grant, store, log } = parts;
    const lease = await ipam.lease(record, grant(), IP);
    const { commit } = store;
    const setAway = (isAway: boolean) => {
      store.commit = isAway ? () => Promise.reject(new AppError('unavailable', 'away')) : commit;
    };
    return { ...parts, lease, setAway, teller: createTeller({ ipam, log }) };
  }

  it('writes into the lease, and is done', async () => {
    const { teller, ipam } = await setUp();
    teller.tell('web', IP, { endpoint: E1, up: true });
    expect(teller.areAllTold()).to.equal(false);
    await turn();
    expect(teller.areAllTold()).to.equal(true);
    expect(ipam.find('web', IP)).to.include({ endpoint: E1, up: true });
    await teller.write('web', IP, { endpoint: undefined, up: false });
    expect(ipam.find('web', IP)).to.include({ up: false }).and.not.have.property('endpoint');
  });

  it('writes later what could not be written, the latest of each field', async () => {
    const { teller, ipam, setAway } = await setUp();
    setAway(true);
    teller.tell('web', IP, { endpoint: E1, up: true });
    expect(await kindOf(teller.write('web', IP, { container: A }))).to.equal('unavailable');
    expect(await kindOf(teller.write('web', IP, { endpoint: E2 }))).to.equal('unavailable');
    expect(await kindOf(teller.tellAgain())).to.equal('unavailable');
    expect(teller.areAllTold()).to.equal(false);
    setAway(false);
    await teller.tellAgain();
    expect(ipam.find('web', IP)).to.include({ endpoint: E2, up: true, container: A });
    expect(teller.areAllTold()).to.equal(true);
  });

  it('writes with the next change what could not be written', async () => {
    const { teller, ipam, setAway } = await setUp();
    setAway(true);
    await kindOf(teller.write('web', IP, { endpoint: E1, up: true }));
    setAway(false);
    await teller.write('web', IP, { endpoint: undefined, up: false });
    expect(teller.areAllTold()).to.equal(true);
    expect(ipam.find('web', IP)).to.include({ up: false }).and.not.have.property('endpoint');
  });

  for (const isLeasedAnew of [true, false]) {
    it(`leaves it when the lease is gone${isLeasedAnew ? ' and the address has another' : ''}`, async () => {
      const { teller, ipam, setAway, record, grant } = await setUp();
      setAway(true);
      await kindOf(teller.write('web', IP, { endpoint: E1, up: true, container: A }));
      setAway(false);
      await ipam.release('web', IP);
      if (isLeasedAnew) await ipam.lease(record, grant(), IP);
      if (isLeasedAnew) await teller.write('web', IP, { names: ['other'] });
      else await teller.tellAgain();
      expect(teller.areAllTold()).to.equal(true);
      if (isLeasedAnew) {
        expect(ipam.find('web', IP)).to.include({ up: false }).and.not.have.any.keys('endpoint', 'container');
      }
    });
  }

  it('does nothing about an address that is not leased here, and forgets it', async () => {
    const { teller, ipam, setAway } = await setUp();
    await teller.write('web', '10.0.0.9', { up: true });
    setAway(true);
    await kindOf(teller.write('web', IP, { up: true }));
    setAway(false);
    await ipam.release('web', IP);
    await teller.write('web', IP, { up: false });
    expect(teller.areAllTold()).to.equal(true);
  });
});
