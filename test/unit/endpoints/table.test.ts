import { expect } from 'chai';
import { createEndpointTable } from '../../../lib/endpoints/table.js';
import { E1, E2, entryOf, IP } from './support.js';

describe('table of endpoints', () => {
  it('finds an endpoint by id and by address, until it is dropped', () => {
    const table = createEndpointTable();
    const entry = entryOf(E1);
    table.put(entry);
    expect([table.get(E1), table.at('web', IP), table.list()]).to.deep.equal([entry, entry, [entry]]);
    expect([table.at('shop', IP), table.at('web', '10.0.0.9')]).to.deep.equal([undefined, undefined]);
    table.drop(E1);
    table.drop(E1);
    expect([table.get(E1), table.at('web', IP), table.list()]).to.deep.equal([undefined, undefined, []]);
  });

  it('has the latest at an address, and that one only goes with itself', () => {
    const table = createEndpointTable();
    const [first, second] = [entryOf(E1), entryOf(E2)];
    table.put(first);
    table.put(second);
    table.drop(E1);
    expect([table.at('web', IP), table.list()]).to.deep.equal([second, [second]]);
  });

  it('forgets the former address of an endpoint', () => {
    const table = createEndpointTable();
    table.put(entryOf(E1));
    const moved = entryOf(E1, { endpoint: { ...entryOf(E1).endpoint, ip: '10.0.0.9' } });
    table.put(moved);
    expect([table.at('web', IP), table.at('web', '10.0.0.9')]).to.deep.equal([undefined, moved]);
  });
});
