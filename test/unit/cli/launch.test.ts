import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';

const BIN = join(import.meta.dirname, '../../../bin');
const NOBODY = '65534';

/** Notes how it was called; `ci` installs and `run build` builds, a little slowly. */
const NPM = `#!/bin/bash
echo "$*" >>"$NPM_CALLS"
[ ! -e "$PWD/broken" ] || { echo "lib/x.ts(1,1): error TS1005"; exit 2; }
sleep 0.2
case $1 in
  ci) mkdir -p node_modules && touch node_modules/.package-lock.json ;;
  run) mkdir -p dist/lib/cli && echo 'console.log(JSON.stringify([process.env.SOCKETPLANE_COMMAND, ...process.argv.slice(2)]))' >dist/lib/cli/main.js && touch dist/.built ;;
esac
`;

describe('the launchers', function () {
  this.timeout(20_000);
  let folder: string;
  let checkout: string;
  const calls = async () =>
    (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const BOTH = ['ci --include=dev --no-audit --no-fund', 'run build'];

  async function launch(
    args: string[] = [],
    { file = join(checkout, 'bin/socketplane'), path = '', uid = '' } = {},
  ) {
    const argv = uid === '' ? [file] : ['setpriv', '--reuid', uid, '--clear-groups', file];
    return execa(argv[0] ?? '', [...argv.slice(1), ...args], {
      reject: false,
      cwd: '/',
      env: {
        PATH: `${path}${join(folder, 'tools')}:${process.env['PATH']}`,
        NPM_CALLS: join(folder, 'calls'),
        TMPDIR: folder,
      },
    });
  }

  async function tool(name: string, text: string, into = 'tools'): Promise<void> {
    await mkdir(join(folder, into), { recursive: true });
    await writeFile(join(folder, into, name), text);
    await chmod(join(folder, into, name), 0o755);
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'socketplane launch '));
    await chmod(folder, 0o755);
    checkout = join(folder, 'a checkout');
    await mkdir(join(checkout, 'lib'), { recursive: true });
    await mkdir(join(checkout, 'adapters'));
    await cp(BIN, join(checkout, 'bin'), { recursive: true });
    for (const file of [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'tsconfig.build.json',
      'tsconfig.page.json',
      'lib/x.ts',
    ]) {
      await writeFile(join(checkout, file), '{}');
    }
    await tool('npm', NPM);
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('install and build at first use, with one line, and never again', async () => {
    const first = await launch(['network', 'a  b', '']);
    expect(first.stderr).to.equal('socketplane: installing node modules and building, once …');
    expect(JSON.parse(first.stdout)).to.deep.equal([
      join(checkout, 'bin/socketplane'),
      'network',
      'a  b',
      '',
    ]);
    expect(await calls()).to.deep.equal(BOTH);
    const second = await launch();
    expect(second.stderr).to.equal('');
    expect(await calls()).to.have.length(2);
  });

  it('build once however many are launched at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => launch()));
    expect(all.map(({ exitCode }) => exitCode)).to.deep.equal([0, 0, 0, 0, 0]);
    expect(await calls()).to.deep.equal(BOTH);
    expect(all.filter(({ stderr }) => stderr.includes('waiting for another build'))).to.have.length(4);
  });

  it('build what is newer, install when the lock file is', async () => {
    await launch();
    const later = new Date(Date.now() + 5_000);
    await utimes(join(checkout, 'lib/x.ts'), later, later);
    await launch();
    expect((await calls()).slice(2)).to.deep.equal(['run build']);
    await writeFile(join(checkout, 'lib/x.ts'), '');
    await utimes(join(checkout, 'package-lock.json'), later, later);
    await launch();
    expect((await calls()).slice(3, 4)).to.deep.equal(BOTH.slice(0, 1));
  });

  it('work through symlinks', async () => {
    const link = join(folder, 'socketplane');
    await symlink(join(checkout, 'bin/socketplane'), join(folder, 'first'));
    await symlink(join(folder, 'first'), link);
    expect(JSON.parse((await launch(['x'], { file: link })).stdout)).to.deep.equal([link, 'x']);
  });

  it('say why a build failed, and where the log is', async () => {
    await writeFile(join(checkout, 'broken'), '');
    const { exitCode, stderr } = await launch();
    expect(exitCode).to.equal(1);
    expect(stderr).to.include('error TS1005');
    const [, log = ''] = /npm ci failed in .*: see (.*)$/.exec(stderr) ?? [];
    expect(await readFile(log, 'utf8')).to.include('error TS1005');
  });

  it('run what is built where they cannot write, and say what to do where nothing is', async () => {
    const unbuilt = await launch([], { uid: NOBODY });
    expect(unbuilt.exitCode).to.equal(1);
    expect(unbuilt.stderr).to.include('is not built yet and cannot be written');
    await launch();
    const later = new Date(Date.now() + 5_000);
    await utimes(join(checkout, 'lib/x.ts'), later, later);
    const built = await launch(['x'], { uid: NOBODY });
    expect(built.stderr).to.equal('');
    expect(JSON.parse(built.stdout)).to.include('x');
    expect(await calls()).to.have.length(2);
  });

  for (const version of ['v18.20.4', 'v20.18.3']) {
    it(`refuse Node ${version}`, async () => {
      await tool('node', `#!/bin/sh\necho ${version}\n`, 'old');
      const { exitCode, stderr } = await launch([], { path: `${join(folder, 'old')}:` });
      expect(exitCode).to.equal(1);
      expect(stderr).to.equal(
        `socketplane: Node.js 20.19 or later is needed, but ${join(folder, 'old/node')} is ${version}`,
      );
    });
  }
});
