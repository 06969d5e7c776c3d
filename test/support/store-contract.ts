import { expect } from 'chai';
import { MAX_BYTES, MAX_OPERATIONS } from '../../lib/store/limits.js';
import type { Change, Entry, Store } from '../../lib/store/store.js';

/** What every store does. Each test begins with an empty one. */
export function describeStore(kind: string, open: () => Promise<Store>): void {
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

    it('gives a new version to a value that stays the same', async () => {
      const first = await store.commit([{ key: 'a', value: 'same' }]);
      const second = await store.commit([{ key: 'a', value: 'same', ifVersion: first }]);
      expect(second).to.be.greaterThan(first);
      expect((await store.get('a'))?.version).to.equal(second);
      expect(await store.commit([{ key: 'a', value: 'same', ifVersion: first }])).to.equal(0);
    });

    it('deletes on condition', async () => {
      const first = await store.commit([{ key: 'a', value: '1' }]);
      const second = await store.commit([{ key: 'a', value: '2' }]);
      expect(await store.commit([{ key: 'a', value: null, ifVersion: first }])).to.equal(0);
      expect(await store.commit([{ key: 'a', value: null, ifVersion: second }])).to.be.greaterThan(0);
      expect(await store.commit([{ key: 'a', value: null, ifVersion: second }])).to.equal(0);
      expect(await store.commit([{ key: 'a', value: null, ifVersion: 0 }])).to.be.greaterThan(0);
    });

    it('takes commits that only check, and that do nothing', async () => {
      const version = await store.commit([{ key: 'a', value: '1' }]);
      expect(await store.commit([{ key: 'a', ifVersion: version }])).to.be.greaterThan(0);
      expect(await store.commit([{ key: 'a', ifVersion: version - 1 }])).to.equal(0);
      expect(await store.commit([{ key: 'a' }])).to.be.greaterThan(0);
      expect(await store.commit([])).to.be.greaterThan(0);
    });

    it('takes any characters in keys and values', async () => {
      const keys = ['a//b/../c', ' %2F?#&+', 'grüße/網路', 'tab\there', '.', '!floor'].sort();
      await store.commit(keys.map((key) => ({ key, value: `${key}\0\n"` })));
      expect((await store.list('')).map(({ key, value }) => [key, value])).to.deep.equal(
        keys.map((key) => [key, `${key}\0\n"`]),
      );
      expect((await store.get('a//b/../c'))?.value).to.equal('a//b/../c\0\n"');
      await store.commit([{ key: '.', value: '' }]);
      expect((await store.get('.'))?.value).to.equal('');
    });

    it('takes as much as the limits say, and no more', async () => {
      const most = Array.from({ length: MAX_OPERATIONS }, (_, i) => ({ key: `most/${i}`, value: '1' }));
      const version = await store.commit(most);
      const deletes = most.map(({ key }) => ({ key, value: null, ifVersion: version }));
      expect(await store.commit(deletes)).to.be.greaterThan(0);
      const large = 'x'.repeat(MAX_BYTES - 'large'.length);
      expect(await store.commit([{ key: 'large', value: large }])).to.be.greaterThan(0);
      expect((await store.get('large'))?.value).to.equal(large);
      const message = await store
        .commit([{ key: 'large', value: `${large}x` }])
        .catch((e: Error) => e.message);
      expect(message).to.equal(
        '321 KiB are too much for one write to the store, which takes 320 KiB (largest: large)',
      );
    });

    it('refuses more operations, and a key twice', async () => {
      const many = Array.from({ length: MAX_OPERATIONS + 1 }, (_, i) => ({ key: String(i), value: '' }));
      expect(await store.commit(many).catch((error: Error) => error.message)).to.match(/at most 30/);
      const twice = [
        { key: 'a', value: '1' },
        { key: 'a', value: '2' },
      ];
      expect(await store.commit(twice).catch((error: Error) => error.message)).to.match(/each key once/);
    });

    describe('watches', () => {
      let abort: AbortController;
      beforeEach(() => (abort = new AbortController()));
      afterEach(() => abort.abort());

      const watch = (prefix: string) => store.watch(prefix, abort.signal)[Symbol.asyncIterator]();
      const told = async (changes: AsyncIterator<Change>) => {
        const step = await changes.next();
        if (step.done) return undefined;
        return { put: step.value.put.map(({ value }) => value), drop: step.value.drop.map(({ key }) => key) };
      };

      it('everything at once, then what changes under the prefix, until aborted', async () => {
        await store.commit([{ key: 'w/0', value: 'zero' }]);
        const changes = watch('w/');
        expect(await told(changes)).to.deep.equal({ put: ['zero'], drop: [] });
        await store.commit([{ key: 'other', value: 'x' }]);
        await store.commit([{ key: 'w/1', value: 'one' }]);
        expect(await told(changes)).to.deep.equal({ put: ['one'], drop: [] });
        await store.commit([{ key: 'w/1', value: null }]);
        expect(await told(changes)).to.deep.equal({ put: [], drop: ['w/1'] });
        const ended = told(changes);
        abort.abort();
        expect(await ended).to.equal(undefined);
      });

      it('nothing at once, where nothing is; several at a time, also one that comes later', async () => {
        const first = watch('first/');
        expect(await told(first)).to.deep.equal({ put: [], drop: [] });
        await store.commit([{ key: 'second/a', value: 'a' }]);
        const second = watch('second/');
        expect(await told(second)).to.deep.equal({ put: ['a'], drop: [] });
        await store.commit([
          { key: 'first/b', value: 'b' },
          { key: 'second/b', value: 'b' },
        ]);
        const both = { put: ['b'], drop: [] };
        expect([await told(first), await told(second)]).to.deep.equal([both, both]);
      });

      it('one key that begins as another does', async () => {
        const changes = watch('servers');
        await told(changes);
        await store.commit([{ key: 'servers', value: '1' }]);
        await store.commit([{ key: 'servers/more', value: '2' }]);
        const seen: string[] = [];
        for (let change; seen.length < 2 && (change = await told(changes));) seen.push(...change.put);
        expect(seen).to.deep.equal(['1', '2']);
      });

      it('what many write at once, never an older value after a newer', async () => {
        const seen = new Map<string, Entry>();
        const changes = watch('k/');
        await changes.next();
        const work = Array.from({ length: 200 }, (_, i) => {
          const key = `k/${i % 40}`;
          return store.commit([{ key, value: i % 7 === 0 ? null : String(i) }]);
        });
        const last = Promise.all(work).then(() => store.commit([{ key: 'k/last', value: '' }]));
        while (!seen.has('k/last')) {
          const step = await changes.next();
          if (step.done) throw new Error('the watch ended');
          const { put, drop } = step.value;
          for (const entry of put) {
            expect(entry.version).to.be.greaterThan(seen.get(entry.key)?.version ?? 0);
            seen.set(entry.key, entry);
          }
          for (const { key, version } of drop) {
            expect(version).to.be.greaterThan(seen.get(key)?.version ?? 0);
            seen.delete(key);
          }
        }
        await last;
        const state = [...seen.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
        expect(state).to.deep.equal(await store.list('k/'));
      });
    });
  });
}
