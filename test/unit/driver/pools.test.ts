import { expect } from 'chai';
import { createOffers, poolOf, subnetOf } from '../../../lib/driver/pools.js';

describe('pools', () => {
  it('are named after their subnets', () => {
    expect(poolOf('10.1.0.0/16')).to.equal('socketplane/10.1.0.0/16');
    expect(subnetOf('socketplane/10.1.0.0/16')).to.equal('10.1.0.0/16');
  });

  for (const pool of [
    '',
    'socketplane/',
    'LocalDefault/10.1.0.0/16',
    'socketplane/10.1.0.1/16',
    'socketplane/x',
  ]) {
    it(`refuses ${JSON.stringify(pool)}`, () => expect(() => subnetOf(pool)).to.throw());
  }
});

describe('offers', () => {
  const taking =
    (...free: string[]) =>
    async (offered: readonly string[]) =>
      free.find((one) => !offered.includes(one))!;

  it('are made one after another, none twice', async () => {
    const offers = createOffers();
    const slow = async (offered: readonly string[]) => {
      const before = [...offered];
      await new Promise(setImmediate);
      return taking('10.1.0.0/16', '10.2.0.0/16')(before);
    };
    expect(await Promise.all([offers.make(slow), offers.make(slow)])).to.deep.equal([
      '10.1.0.0/16',
      '10.2.0.0/16',
    ]);
  });

  it('end when the network is made, and after a while', async () => {
    let now = 0;
    const offers = createOffers(() => now);
    const next = () => offers.make(taking('10.1.0.0/16', '10.2.0.0/16', '10.3.0.0/16'));
    expect([await next(), await next()]).to.deep.equal(['10.1.0.0/16', '10.2.0.0/16']);
    offers.drop('10.2.0.0/16');
    now = 20_000;
    expect(await next()).to.equal('10.2.0.0/16');
    now = 31_000;
    expect(await next()).to.equal('10.1.0.0/16');
  });

  it('go on after a choice that failed', async () => {
    const offers = createOffers();
    const failed = await offers.make(async () => Promise.reject(new Error('none left'))).catch(String);
    expect(failed).to.match(/none left/);
    expect(await offers.make(taking('10.1.0.0/16'))).to.equal('10.1.0.0/16');
  });
});
