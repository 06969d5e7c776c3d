import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createRun } from '../../../lib/os/exec.js';
import { hasWholeTar } from '../../../lib/install/files/image-cache.js';
import { silentLog } from '../../../lib/base/log.js';

describe('a tar that is kept', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'tar-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('is whole when its end is there', async () => {
    const tar = join(folder, 'image.tar');
    expect(await hasWholeTar(tar)).to.equal(false);
    await writeFile(join(folder, 'file'), 'x'.repeat(30_000));
    await createRun(silentLog)(['tar', '-C', folder, '-cf', tar, 'file']);
    expect(await hasWholeTar(tar)).to.equal(true);
    for (const size of [30_208, 10_000, 0]) {
      await truncate(tar, size);
      expect(await hasWholeTar(tar), `of ${size} bytes`).to.equal(false);
    }
  });
});
