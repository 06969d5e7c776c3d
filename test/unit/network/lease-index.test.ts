import { expect } from 'chai';
import { createLeaseIndex, type LeaseChange } from '../../../lib/network/lease-index.js';

const KEY = 'blocks/web/10.0.0.0';
const IP = '10.0.0.2';

function entry(version: number, container: string, host: string) {
  const lease = { container, host, time: '2026-01-01T00:00:00Z', names: [container], up: true };
  return { key: KEY, version, value: JSON.stringify({ host, leases: { [IP]: lease } }) };
}

describe('lease index', () => {
  it('tells that a container has lost its address when another has it in the same change', () => {
    const index = createLeaseIndex('h1');
    index.apply({ put: [entry(1, 'mine', 'h1')], drop: [] });
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    index.apply({ put: [entry(2, 'theirs', 'h2')], drop: [] });
    const containers = changes.map(({ put, drop }) =>
      [put, drop].map((part) => part.map((l) => l.container)),
    );
    expect(containers).to.deep.equal([[['theirs'], ['mine']]]);
    expect([index.own('mine'), index.owned(), index.at('web', IP)?.container]).to.deep.equal([
      undefined,
      [],
      'theirs',
    ]);
  });

  it('does not take a change of a lease for its end', () => {
    const index = createLeaseIndex('h1');
    index.apply({ put: [entry(1, 'mine', 'h1')], drop: [] });
    const changes: LeaseChange[] = [];
    index.subscribe((change) => changes.push(change));
    index.apply({ put: [entry(2, 'mine', 'h1')], drop: [] });
    expect(changes).to.deep.equal([]);
    expect(index.own('mine')?.ip).to.equal(IP);
  });
});
