import { lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { writePrivateFile } from '../../../lib/os/private-file.js';

describe('a file for root alone', () => {
  let folder = '';
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'socketplane-private-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('is readable by nobody else, and replaces what was there', async () => {
    const file = join(folder, 'key');
    await writeFile(file, 'old', { mode: 0o644 });
    await writePrivateFile(file, 'secret');
    expect(await readFile(file, 'utf8')).to.equal('secret');
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
  });

  it('is written through nothing that somebody has put in its way', async () => {
    const [file, other] = [join(folder, 'backup'), join(folder, 'other')];
    await writeFile(other, 'untouched', { mode: 0o644 });
    await symlink(other, `${file}.new`);
    await writePrivateFile(file, 'secret');
    expect(await readFile(other, 'utf8')).to.equal('untouched');
    expect((await stat(other)).mode & 0o777).to.equal(0o644);
    expect((await lstat(file)).isFile()).to.equal(true);
    expect(await readFile(file, 'utf8')).to.equal('secret');
  });
});
