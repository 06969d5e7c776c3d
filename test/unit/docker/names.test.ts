import { expect } from 'chai';
import { COMPOSE_SERVICE } from '../../../lib/docker/labels.js';
import { namesOf } from '../../../lib/docker/names.js';

const ID = 'abcdef012345'.padEnd(64, '0');
const named = (name: string, aliases: string[]) => namesOf({ id: ID, name, hostname: '', aliases });

describe('names of a container', () => {
  it('begin with its own, each once', () => {
    expect(named('web', ['www', 'web'])).to.deep.equal(['web', 'abcdef012345', 'www']);
  });

  it('include its service in Compose and its host name', () => {
    const labels = { [COMPOSE_SERVICE]: 'shop' };
    expect(namesOf({ name: 'proj-shop-1', hostname: 'till', labels })).to.deep.equal([
      ...['proj-shop-1', 'shop', 'till'],
    ]);
  });

  it('leave out what cannot be asked for', () => {
    const long = ['x'.repeat(64), 'ü'.repeat(32), `${'x.'.repeat(126)}xx`, '.', 'a..b', ''];
    expect(named('web', long)).to.deep.equal(['web', 'abcdef012345']);
    expect(named('x'.repeat(64), ['x'.repeat(63)])).to.deep.equal(['abcdef012345', 'x'.repeat(63)]);
  });

  it('are no more than the store can take', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => `alias${n}`);
    expect(named('web', many)).to.have.length(32);
  });
});
