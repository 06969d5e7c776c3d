import { expect } from 'chai';
import { createLeaseAges } from '../../../lib/endpoints/lease-ages.js';

describe('the age of a lease', () => {
  it('counts from when it was first asked about, for each by itself', () => {
    let now = 1_000;
    const ageOf = createLeaseAges(() => now);
    expect(ageOf({ id: 'a' })).to.equal(0);
    now += 40_000;
    expect([ageOf({ id: 'b' }), ageOf({ id: 'a' })]).to.deep.equal([0, 40_000]);
    now += 600_000;
    // What nobody asked about for so long is forgotten when another comes; what is asked about goes on.
    expect(ageOf({ id: 'a' })).to.equal(640_000);
    expect([ageOf({ id: 'c' }), ageOf({ id: 'a' })]).to.deep.equal([0, 0]);
  });
});
