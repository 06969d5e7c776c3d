import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { readProduct } from '../../../lib/install/files/product.js';

const LOCK = {
  packages: {
    'node_modules/used': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/used/node_modules/inner': { version: '1.0.0', integrity: 'sha512-b' },
    'node_modules/compiler': { version: '1.0.0', integrity: 'sha512-c', dev: true },
  },
};
const FILES = {
  'package.json': JSON.stringify({ files: ['bin', 'dist', 'proxy.yml'] }),
  'proxy.yml': 'version: 1',
  'bin/socketplane': '#!/bin/bash',
  'dist/.built': '',
  'dist/.tsbuildinfo': '{}',
  'dist/lib/main.js': '1',
  'test/main.test.ts': '',
  'node_modules/.package-lock.json': JSON.stringify(LOCK),
  'node_modules/used/index.js': '',
  'node_modules/used/node_modules/inner/index.js': '',
  'node_modules/used/node_modules/forgotten/index.js': '',
  'node_modules/compiler/index.js': '',
};

describe('the product', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'product-'));
    for (const [file, text] of Object.entries(FILES)) await write(file, text);
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function write(file: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }

  it('is copied without what only its development needs', async () => {
    const copy = join(folder, 'copy');
    await (await readProduct(folder)).copyTo(copy);
    const files = (await readdir(copy, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    );
    expect(
      files.map(({ parentPath, name }) => join(parentPath, name).slice(copy.length + 1)),
    ).to.have.members([
      'package.json',
      'proxy.yml',
      'bin/socketplane',
      'dist/.built',
      'dist/lib/main.js',
      'node_modules/.package-lock.json',
      'node_modules/used/index.js',
      'node_modules/used/node_modules/inner/index.js',
    ]);
  });

  it('is for all to read and for its owner to write, whatever the clone was made with', async () => {
    await chmod(join(folder, 'bin'), 0o700);
    await chmod(join(folder, 'bin/socketplane'), 0o700);
    await chmod(join(folder, 'proxy.yml'), 0o666);
    const copy = join(folder, 'copy');
    await (await readProduct(folder)).copyTo(copy);
    const mode = async (path: string) => ((await stat(join(copy, path))).mode & 0o777).toString(8);
    expect(await Promise.all(['', 'bin', 'bin/socketplane', 'proxy.yml'].map(mode))).to.deep.equal([
      '755',
      '755',
      '755',
      '644',
    ]);
  });

  it('is the same in every copy, and another when a file or a module is', async () => {
    const { hash, copyTo } = await readProduct(folder);
    await copyTo(join(folder, 'copy'));
    expect((await readProduct(join(folder, 'copy'))).hash).to.equal(hash);

    await write('test/main.test.ts', 'changed');
    expect((await readProduct(folder)).hash).to.equal(hash);
    await write('dist/lib/main.js', '2');
    const changed = (await readProduct(folder)).hash;
    expect(changed).not.to.equal(hash);
    LOCK.packages['node_modules/used'].integrity = 'sha512-d';
    await write('node_modules/.package-lock.json', JSON.stringify(LOCK));
    expect((await readProduct(folder)).hash).not.to.equal(changed);
  });

  it('says what to do where nothing is built', async () => {
    await rm(join(folder, 'dist/.built'));
    const message = await readProduct(folder).catch(messageOf);
    expect(message).to.match(/^\/.* is not built: run `npm ci && npm run build` there$/);
  });
});
