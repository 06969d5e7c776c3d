import { expect } from 'chai';
import { createShares, type Shares } from '../../../lib/dns/shares.js';

describe('shares', () => {
  const PLACES = 120;

  /** Takes all that a client can get. */
  function grab(take: Shares, client: string): (() => void)[] {
    const taken = [];
    for (let back = take(client); back; back = take(client)) taken.push(back);
    return taken;
  }

  it('leave something for everybody, and are even in the end', () => {
    const take = createShares(PLACES);
    expect(grab(take, 'a')).to.have.length(PLACES / 2);
    expect(grab(take, 'b')).to.have.length(PLACES / 4);
    expect(take('c')).not.to.equal(undefined);
    expect(take('a')).to.equal(undefined);
  });

  it('never are more than there are', () => {
    const take = createShares(PLACES);
    const all = Array.from({ length: 1_000 }, (_, n) => grab(take, `client ${n}`)).flat();
    expect(all).to.have.length(PLACES);
    expect(take('late')).to.equal(undefined);
    all.forEach((back) => back());
    expect(grab(take, 'late')).to.have.length(PLACES / 2);
  });
});
