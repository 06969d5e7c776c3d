import { expect } from 'chai';
import { createHeardEntries } from '../../../lib/network/heard.js';

const entry = (key: string, version: number, value = '') => ({ key, value, version });

describe('what this host has heard of, and done', () => {
  const setUp = () => {
    const heard = createHeardEntries(({ value }) => value !== 'damaged');
    heard.begin()([entry('a', 1), entry('b', 2)]);
    const versions = () => Object.fromEntries(heard.all().map(({ key, version }) => [key, version]));
    return { heard, versions };
  };

  it('is not taken back by what was before it', () => {
    const { heard, versions } = setUp();
    heard.did('a', 6);
    heard.did('c', 5, entry('c', 5));
    heard.take({ put: [entry('a', 4), entry('c', 3)], drop: [] });
    heard.take({ put: [], drop: [{ key: 'c', version: 4 }] });
    expect(versions()).to.deep.equal({ b: 2, c: 5 });
    heard.did('a', 8, entry('a', 8));
    heard.take({ put: [], drop: [{ key: 'a', version: 6 }] });
    expect(versions()).to.deep.equal({ a: 8, b: 2, c: 5 });
  });

  it('changes with what others did after it', () => {
    const { heard, versions } = setUp();
    heard.did('a', 3, entry('a', 3));
    heard.did('b', 4);
    heard.take({ put: [entry('b', 5)], drop: [{ key: 'a', version: 5 }] });
    expect(versions()).to.deep.equal({ b: 5 });
    // The store has told it, and what others did to it, before it answered.
    heard.take({ put: [entry('c', 9)], drop: [] });
    heard.did('c', 8, entry('c', 8));
    expect(versions()).to.deep.equal({ b: 5, c: 9 });
  });

  it('outlives a reading that began before it', () => {
    const { heard, versions } = setUp();
    heard.did('gone elsewhere', 3, entry('gone elsewhere', 3));
    const reset = heard.begin();
    heard.did('new', 7, entry('new', 7));
    heard.did('b', 8);
    reset([entry('b', 2), entry('c', 4)]);
    expect(versions()).to.deep.equal({ new: 7, c: 4 });
  });

  it('keeps what a store has lost that was set back, until it is put back or given up', () => {
    const { heard, versions } = setUp();
    heard.did('a', 9, entry('a', 9));
    const drop = ['a', 'b', 'never'].map((key) => ({ key, version: 3 }));
    const lost = heard.take({ put: [], drop, wasSetBack: true });
    expect(lost.map(({ key, version }) => [key, version])).to.deep.equal([
      ['a', 9],
      ['b', 2],
    ]);
    // Nobody can rely on a version that is no more.
    expect(versions()).to.deep.equal({ a: 0, b: 0 });
    heard.did('a', 4, entry('a', 4));
    heard.did('b', 0);
    expect(versions()).to.deep.equal({ a: 4 });
  });

  it('does not change by what cannot be used', () => {
    const { heard, versions } = setUp();
    const before = heard.all();
    heard.take({ put: [entry('a', 7, 'damaged')], drop: [] });
    expect(versions()).to.deep.equal({ a: 1, b: 2 });
    expect(heard.all()).to.equal(before);
  });
});
