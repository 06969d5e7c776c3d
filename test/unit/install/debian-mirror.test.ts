import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { packageRoot } from '../../../lib/base/paths.js';

const SCRIPT = join(packageRoot(), 'lib/install/without-registry/debian-mirror');

describe('the mirror that packages are fetched from', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'socketplane-mirror-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** An apt-get whose lists are empty until an update, which fetches these addresses. */
  async function find(...addresses: string[]): Promise<string> {
    const lists = join(folder, 'lists');
    const text = `#!/bin/sh
case $1 in
  update) printf '%s\\n' ${addresses.map((address) => `'${address}'`).join(' ')} >${lists} ;;
  indextargets) cat ${lists} 2>/dev/null || true ;;
esac
`;
    await writeFile(join(folder, 'apt-get'), text, { mode: 0o755 });
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
    return promisify(execFile)(SCRIPT, { env }).then(
      ({ stdout }) => stdout,
      () => 'it fails',
    );
  }

  it('is found where there are no package lists yet', async () => {
    expect(await find('http://one.example/debian', 'http://two.example/debian')).to.equal(
      'http://one.example/debian\n',
    );
  });

  it('is not where no source is Debian’s', async () => {
    expect(await find('')).to.equal('it fails');
  });
});
