import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openEmbeddedStore } from '../../../lib/store/embedded.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';

const folders: string[] = [];
async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'store-test-'));
  folders.push(path);
  return path;
}

const kinds: [string, () => Promise<Store>][] = [
  ['memory', async () => createMemoryStore()],
  ['embedded', async () => openEmbeddedStore(join(await folder(), 'store'))],
];

after(() => Promise.all(folders.map((path) => rm(path, { recursive: true }))));

for (const [kind, open] of kinds) {
  describe(`${kind} store`, () => {
    let store: Store;
    beforeEach(async () => (store = await open()));
    afterEach(() => store.close());

    it('gives back what was written, with a version that grows', async () => {
      expect(await store.get('a')).to.equal(undefined);
      await store.commit([{ key: 'a', value: '1' }]);
      const first = await store.get('a');
      const version = await store.commit([{ key: 'a', value: '2' }]);
      expect((await store.get('a'))?.version).to.equal(version);
      const second = await store.get('a');
      expect([first?.value, second?.value]).to.deep.equal(['1', '2']);
      expect(second!.version).to.be.greaterThan(first!.version);
    });

    it('lists by prefix in key order', async () => {
      await store.commit(['b/2', 'a/1', 'b/1', 'c'].map((key) => ({ key, value: key })));
      expect((await store.list('b/')).map(({ key }) => key)).to.deep.equal(['b/1', 'b/2']);
    });

    it('creates only once with version 0', async () => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.commit([{ key: 'k', value: String(i), ifVersion: 0 }])),
      );
      expect(results.filter(Boolean)).to.have.length(1);
    });

    it('does all of a commit or nothing', async () => {
      await store.commit([{ key: 'taken', value: 'x' }]);
      const applied = await store.commit([
        { key: 'new', value: 'y' },
        { key: 'taken', value: 'z', ifVersion: 0 },
      ]);
      expect(applied).to.equal(0);
      expect(await store.get('new')).to.equal(undefined);
      expect((await store.get('taken'))?.value).to.equal('x');
    });

    it('checks a key without writing it', async () => {
      await store.commit([{ key: 'guard', value: '1' }]);
      const { version } = (await store.get('guard'))!;
      expect(
        await store.commit([
          { key: 'guard', ifVersion: version },
          { key: 'a', value: '1' },
        ]),
      ).to.be.greaterThan(0);
      expect((await store.get('guard'))?.version).to.equal(version);
      expect(
        await store.commit([
          { key: 'guard', ifVersion: 0 },
          { key: 'a', value: '2' },
        ]),
      ).to.equal(0);
    });

    it('deletes, and a new key of that name has another version', async () => {
      await store.commit([{ key: 'a', value: '1' }]);
      const { version } = (await store.get('a'))!;
      await store.commit([{ key: 'a', value: null }]);
      expect(await store.get('a')).to.equal(undefined);
      await store.commit([{ key: 'a', value: '2', ifVersion: 0 }]);
      expect((await store.get('a'))!.version).to.not.equal(version);
    });

    it('refuses commits that Consul would refuse', async () => {
      const many = Array.from({ length: 65 }, (_, i) => ({ key: String(i), value: '' }));
      expect(await store.commit(many).catch((error: Error) => error.message)).to.match(/at most 60/);
      const twice = [
        { key: 'a', value: '1' },
        { key: 'a', value: '2' },
      ];
      expect(await store.commit(twice).catch((error: Error) => error.message)).to.match(/each key once/);
    });

    it('watches: everything at once, then what changes under the prefix, until aborted', async () => {
      const abort = new AbortController();
      await store.commit([{ key: 'w/0', value: 'zero' }]);
      const seen: { put: string[]; drop: string[] }[] = [];
      const watching = (async () => {
        for await (const { put, drop } of store.watch('w/', abort.signal)) {
          seen.push({ put: put.map(({ value }) => value), drop: drop.map(({ key }) => key) });
          if (seen.length === 3) abort.abort();
        }
      })();
      await new Promise(setImmediate);
      await store.commit([{ key: 'other', value: 'x' }]);
      await store.commit([{ key: 'w/1', value: 'one' }]);
      await new Promise(setImmediate);
      await store.commit([{ key: 'w/1', value: null }]);
      await watching;
      expect(seen).to.deep.equal([
        { put: ['zero'], drop: [] },
        { put: ['one'], drop: [] },
        { put: [], drop: ['w/1'] },
      ]);
    });
  });
}

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
