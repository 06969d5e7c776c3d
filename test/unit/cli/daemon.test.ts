import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../../lib/concurrency/until.js';
import { createDaemon, type Daemon } from '../../../lib/cli/daemons/process.js';
import { findProcess, isProgram } from '../../../lib/os/pid-file.js';

/** Behaves as our daemons do: serves (a file stands for the socket), then writes its pid file, tidies up on SIGTERM. */
const PROGRAM = `#!/bin/bash
echo '{"level":"info","message":"hello"}'
if [ -e "$1/broken" ]; then echo 'testd: the store is broken' >&2; exit 1; fi
touch "$1/serves"
echo $$ >"$1/pid"
if [ -e "$1/stubborn" ]; then trap '' TERM; else trap 'rm -f "$1/serves" "$1/pid"; exit 0' TERM; fi
while :; do sleep 0.05; done
`;

describe('a daemon where there is no init', function () {
  this.timeout(20_000);
  let folder: string;
  let daemon: Daemon;
  const file = (name: string) => join(folder, name);
  const exists = (name: string) =>
    access(file(name)).then(
      () => true,
      () => false,
    );

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'socketplane-daemon-'));
    await writeFile(file('testd'), PROGRAM);
    await chmod(file('testd'), 0o755);
    daemon = createDaemon({
      name: 'agent',
      program: 'testd',
      argv: [file('testd'), folder],
      pidFile: file('pid'),
      log: file('logs/agent.log'),
      env: process.env,
      tell: () => undefined,
      startMs: 2_000,
      stopMs: 500,
      async ready() {
        if (!(await exists('serves'))) throw new Error('Docker: does not answer');
      },
    });
  });
  afterEach(async () => {
    const pid = await daemon.pid();
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('starts once, stops once, and may be told so again', async () => {
    expect(await daemon.start()).to.equal(true);
    const pid = await daemon.pid();
    expect(pid).to.be.greaterThan(1);
    expect(await daemon.start()).to.equal(false);
    expect(await daemon.pid()).to.equal(pid);
    expect(await daemon.stop()).to.equal(true);
    expect(await daemon.stop()).to.equal(false);
    expect(() => process.kill(pid ?? 0, 0)).to.throw('ESRCH');
  });

  it('starts again after a crash, which leaves the pid file', async () => {
    await daemon.start();
    const before = (await daemon.pid()) ?? 0;
    process.kill(before, 'SIGKILL');
    await rm(file('serves'));
    while ((await daemon.pid()) !== undefined);
    expect(await readFile(file('pid'), 'utf8')).to.equal(`${before}\n`);
    expect(await daemon.start()).to.equal(true);
    expect(await daemon.pid()).to.not.equal(before);
  });

  it('kills what does not stop', async () => {
    await writeFile(file('stubborn'), '');
    await daemon.start();
    const pid = (await daemon.pid()) ?? 0;
    await rm(file('serves'));
    expect(await daemon.stop()).to.equal(true);
    // Its command line goes before its number does.
    await until(async () => expect(() => process.kill(pid, 0)).to.throw('ESRCH'), { timeout: 5_000 });
    expect(await exists('pid')).to.equal(false);
  });

  it("a failed start says the daemon's last words, not older ones, and where the log is", async () => {
    await writeFile(file('broken'), '');
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await daemon.start().catch((reason: unknown) => reason);
      expect((error as Error).message).to.equal(
        `the agent did not start: testd: the store is broken (log: ${file('logs/agent.log')})`,
      );
    }
  });

  it('what runs but is not ready says why', async () => {
    await daemon.start();
    await rm(file('serves'));
    const error = await daemon.start().catch((reason: unknown) => reason);
    expect((error as Error).message).to.include(
      'the agent is running, but not ready: Docker: does not answer',
    );
  });

  it('one that runs in the foreground elsewhere is neither doubled nor stopped', async () => {
    await writeFile(file('serves'), '');
    expect(await daemon.start()).to.equal(false);
    const error = await daemon.stop().catch((reason: unknown) => reason);
    expect((error as Error).message).to.include('stop it where it was started');
  });

  describe('pid file', () => {
    let stranger: ChildProcess;

    beforeEach(async () => {
      stranger = spawn('sleep', ['60']);
      await once(stranger, 'spawn');
    });
    afterEach(() => stranger.kill());

    it("that names a stranger's process is stale: the stranger lives", async () => {
      await writeFile(file('pid'), `${stranger.pid}\n`);
      expect(await daemon.pid()).to.equal(undefined);
      expect(await daemon.stop()).to.equal(false);
      expect(await exists('pid')).to.equal(false);
      expect(stranger.exitCode).to.equal(null);
      expect(stranger.signalCode).to.equal(null);
    });

    for (const [what, text] of Object.entries({
      empty: '',
      nonsense: 'abc',
      init: '1',
      negative: '-5',
      dead: '4194303',
    })) {
      it(`that is ${what} names nobody`, async () => {
        await writeFile(file('pid'), text);
        expect(await findProcess(file('pid'), isProgram('testd'))).to.equal(undefined);
      });
    }

    it('of a program run by node is recognised by its script', async () => {
      await mkdir(file('proc/77'), { recursive: true });
      await writeFile(file('pid'), '77');
      const pidWith = async (...argv: string[]) => {
        await writeFile(file('proc/77/cmdline'), argv.join('\0'));
        return findProcess(file('pid'), isProgram('testd'), file('proc'));
      };
      expect(await pidWith('node', '/opt/socketplane/dist/lib/testd.js', '--config', 'x')).to.equal(77);
      expect(await pidWith('/bin/bash', '/opt/socketplane/bin/testd')).to.equal(77);
      expect(await pidWith('vim', 'a', 'b', 'testd.js')).to.equal(undefined);
      expect(await pidWith('node', '/opt/other/mytestd.js')).to.equal(undefined);
    });
  });
});
