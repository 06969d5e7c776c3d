import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openEmbeddedStore } from '../../../lib/store/embedded.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { describeStore } from '../../support/store-contract.js';

const folders: string[] = [];
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'store-test-'));
  folders.push(path);
  return path;
}

after(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

describeStore('memory', async () => createMemoryStore());
describeStore('embedded', async () => openEmbeddedStore(join(await folder(), 'store')));

describe('embedded store on disk', () => {
  it('has everything after it was opened again, and goes on counting versions', async () => {
    const path = join(await folder(), 'store');
    const first = await openEmbeddedStore(path);
    await first.commit([
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]);
    await first.commit([{ key: 'b', value: null }]);
    const before = (await first.get('a'))!;
    await first.close();
    const second = await openEmbeddedStore(path);
    expect(await second.list('')).to.deep.equal([before]);
    await second.commit([{ key: 'b', value: '3', ifVersion: 0 }]);
    expect((await second.get('b'))!.version).to.be.greaterThan(before.version + 1);
    await second.close();
  });

  it('keeps a second process out with a line that says why', async () => {
    const path = join(await folder(), 'store');
    const store = await openEmbeddedStore(path);
    expect(await openEmbeddedStore(path).catch((error: Error) => error.message)).to.match(/is in use/);
    await store.close();
  });

  it('names the directory that it cannot use', async () => {
    const message = await openEmbeddedStore('/etc/hostname/store').catch((error: Error) => error.message);
    expect(message).to.match(/cannot open the store in \/etc\/hostname\/store: .*writable directory/);
  });
});

describe('a store whose disk fails', () => {
  it('reports the failure and keeps nothing of the commit', async () => {
    let full = true;
    const store = createMemoryStore({
      persist: async () => {
        if (full) throw new Error('disk full');
      },
    });
    expect(await store.commit([{ key: 'a', value: '1' }]).catch((error: Error) => error.message)).to.equal(
      'disk full',
    );
    expect(await store.get('a')).to.equal(undefined);
    full = false;
    expect(await store.commit([{ key: 'a', value: '1', ifVersion: 0 }])).to.be.greaterThan(0);
  });

  it('shares one flush between commits that come at once', async () => {
    let flushes = 0;
    const store = createMemoryStore({
      persist: async () => {
        flushes++;
        await new Promise(setImmediate);
      },
    });
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit([{ key: String(i), value: '' }])));
    expect(flushes).to.be.at.most(2);
  });
});
