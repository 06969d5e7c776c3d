import { expect } from 'chai';
import { adoptLeases } from '../../../lib/agent/own-store.js';
import { parseBlock } from '../../../lib/ipam/blocks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';

describe('adopting leases', () => {
  it('makes all leases this host’s, and leaves garbage alone', async () => {
    const store = createMemoryStore();
    const lease = { id: 'l', host: 'old', time: '', kept: true, names: [], up: true };
    const block = { host: 'old', leases: { '10.0.0.2': lease } };
    await store.commit([
      { key: 'blocks/web/10.0.0.0', value: JSON.stringify(block) },
      { key: 'blocks/web/10.0.0.16', value: 'garbage' },
    ]);
    await adoptLeases(store, 'new');
    const [adopted, garbage] = await store.list('blocks/');
    expect(parseBlock(adopted!)).to.deep.equal({
      host: 'new',
      leases: { '10.0.0.2': { ...lease, host: 'new' } },
    });
    expect(garbage?.value).to.equal('garbage');
    await adoptLeases(store, 'new');
    expect((await store.list('blocks/'))[0]?.version).to.equal(adopted?.version);
  });
});
