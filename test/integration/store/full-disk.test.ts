import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { openEmbeddedStore } from '../../../lib/store/embedded.js';
import type { Store } from '../../../lib/store/store.js';
import { command } from '../../lab/process.js';
import { until } from '../../support/until.js';

describe('the embedded store on a disk that is full', function () {
  this.timeout(120_000);
  let disk: string;
  let store: Store;
  const folder = () => join(disk, 'store');
  const filler = () => join(disk, 'filler');

  beforeEach(async () => {
    disk = await mkdtemp(join(tmpdir(), 'full-'));
    await command(['mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
    store = await openEmbeddedStore(folder());
  });
  afterEach(async () => {
    await store.close();
    await command(['umount', disk]);
    await rm(disk, { recursive: true });
  });

  async function fill(): Promise<void> {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(filler(), Buffer.alloc(bavail * bsize));
  }
  const empty = () => rm(filler());
  const commit = (key: string, value = key) => store.commit([{ key, value }]);
  /** Commits until the page that the log has is full. @returns what was accepted */
  async function commitUntilFull(round: number): Promise<string[]> {
    for (let n = 0; ; n++) {
      const key = `k${round}-${String(n).padStart(3, '0')}`;
      try {
        await commit(key, 'x'.repeat(700 + 13 * round));
      } catch (error) {
        expect(error).to.be.instanceOf(AppError).with.property('kind', 'unavailable');
        expect((error as AppError).message).to.match(
          /^cannot write to the store in .*.*No space left on device: make room there$/,
        );
        return Array.from({ length: n }, (_, before) => `k${round}-${String(before).padStart(3, '0')}`);
      }
    }
  }
  const keys = async () => (await store.list('')).map(({ key }) => key);

  it('says so, accepts again when there is room, and has all that it accepted and nothing else', async () => {
    const accepted: string[] = [];
    for (let round = 0; round < 5; round++) {
      await fill();
      accepted.push(...(await commitUntilFull(round)));
      expect(store.problem?.()).to.match(/No space left on device: make room there$/);
      expect(await commit('refused').catch(() => 0), 'still full').to.equal(0);
      await empty();
      await commit(`later${round}`);
      accepted.push(`later${round}`);
      expect(store.problem?.()).to.equal(undefined);
      await store.commit([{ key: accepted.shift()!, value: null }]);
    }
    expect(await keys()).to.deep.equal(accepted.toSorted());
    await store.close();
    store = await openEmbeddedStore(folder());
    expect(await keys()).to.deep.equal(accepted.toSorted());
  });

  it('mends by itself when there is room, though nobody commits', async () => {
    await fill();
    const accepted = await commitUntilFull(0);
    await empty();
    await until('no problem', () => store.problem?.() === undefined);
    expect(await keys()).to.deep.equal(accepted);
  });

  it('says at its start that there is no room, and loses nothing', async () => {
    await commit('a');
    await store.close();
    await fill();
    const opened = await openEmbeddedStore(folder()).catch((error: unknown) => (error as Error).message);
    if (typeof opened === 'string') expect(opened).to.match(/^cannot open the store in .*: make room there$/);
    else await opened.close();
    await empty();
    store = await openEmbeddedStore(folder());
    expect(await keys()).to.deep.equal(['a']);
  });
});
