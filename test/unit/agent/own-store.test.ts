import { expect } from 'chai';
import { emptyStore } from '../../../lib/agent/own-store.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { MAX_OPERATIONS } from '../../../lib/store/limits.js';

describe('emptying a store', () => {
  async function fullStore() {
    const store = createMemoryStore();
    const keys = Array.from({ length: 2 * MAX_OPERATIONS + 1 }, (_, n) => `key${n}`);
    for (const key of keys) await store.commit([{ key, value: `value of ${key}` }]);
    const contents = async () => (await store.list('')).map(({ key, value }) => [key, value]);
    return { store, contents };
  }

  it('leaves nothing, however much there is', async () => {
    const { store, contents } = await fullStore();
    await emptyStore(store);
    expect(await contents()).to.deep.equal([]);
  });

  it('puts back what it has removed when it cannot remove the rest', async () => {
    const { store, contents } = await fullStore();
    const before = await contents();
    let commits = 0;
    const failing = {
      ...store,
      commit: async (...args: Parameters<typeof store.commit>) => {
        if (++commits === 2) throw new Error('disk full');
        return store.commit(...args);
      },
    };
    expect(await emptyStore(failing).catch(String)).to.equal('Error: disk full');
    expect(await contents()).to.deep.equal(before);
  });
});
