import { expect } from 'chai';
import type { Network } from '../../../lib/base/model.js';
import { createOwnNews } from '../../../lib/driver/own-news.js';

const network = (id: string, vni: number): Network => ({
  id,
  vni,
  subnet: `10.${vni}.0.0/16`,
  gateway: `10.${vni}.0.1`,
});
const [WEB, DB] = [network('web', 1), network('db', 2)];

describe('changes that this host has not heard of yet', () => {
  const names = (all: readonly Network[]) => all.map(({ id, vni }) => `${id} ${vni}`);

  it('count until they are heard of', () => {
    const news = createOwnNews(() => undefined);
    news.made(WEB);
    news.gone(DB);
    for (let times = 0; times < 2; times++) expect(names(news.applyTo([DB]))).to.deep.equal(['web 1']);
    expect(names(news.applyTo([WEB]))).to.deep.equal(['web 1']);
    // Removed, or made again, by others: heard of before.
    expect(names(news.applyTo([DB]))).to.deep.equal(['db 2']);
  });

  it('do not hide a successor', () => {
    const news = createOwnNews(() => undefined);
    news.gone(WEB);
    expect(names(news.applyTo([network('web', 7)]))).to.deep.equal(['web 7']);
  });

  it('have the successor of what is still heard of', () => {
    const news = createOwnNews(() => undefined);
    news.gone(WEB);
    news.made(network('web', 7));
    for (let times = 0; times < 2; times++) expect(names(news.applyTo([WEB]))).to.deep.equal(['web 7']);
    expect(names(news.applyTo([]))).to.deep.equal(['web 7']);
    expect(names(news.applyTo([network('web', 7)]))).to.deep.equal(['web 7']);
    // Made again by others.
    expect(names(news.applyTo([network('web', 8)]))).to.deep.equal(['web 8']);
  });

  it('are replaced by later ones', () => {
    const news = createOwnNews(() => undefined);
    news.made(WEB);
    news.gone(WEB);
    expect(names(news.applyTo([]))).to.deep.equal([]);
    news.gone(DB);
    news.made(DB);
    expect(names(news.applyTo([]))).to.deep.equal(['db 2']);
  });
});
