import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createRunc } from '../../../lib/docker/runc.js';

const SLEEP = '/bin/busybox';
const ID = 'a'.repeat(64);

describe('the process that runc makes', () => {
  let state: string;
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'runc-'));
  });
  afterEach(() => rm(state, { recursive: true }));

  /** Writes a file as runc does: beside its place first. */
  async function write(pid: unknown, created = new Date()): Promise<void> {
    await mkdir(join(state, ID), { recursive: true });
    const file = join(state, ID, 'state.json');
    await writeFile(`${file}.new`, JSON.stringify({ init_process_pid: pid, created }));
    await rename(`${file}.new`, file);
  }
  const within = (ms: number) => AbortSignal.timeout(ms);
  const now = () => Date.now() - 1;

  it('is found when it comes', async () => {
    const created = createRunc(state).created(ID, now(), within(2_000));
    await sleep(20);
    await mkdir(join(state, ID));
    await sleep(20);
    await write(4711);
    expect((await created)?.pid).to.equal(4711);
  });

  it('is found when it is there already', async () => {
    const since = now();
    await write(4711);
    expect((await createRunc(state).created(ID, since, within(2_000)))?.pid).to.equal(4711);
  });

  it('is not that of an earlier run', async () => {
    await write(1, new Date(Date.now() - 10_000));
    const created = createRunc(state).created(ID, now(), within(2_000));
    await sleep(20);
    await write(2);
    expect((await created)?.pid).to.equal(2);
  });

  it('is not told when nobody waits any more, or what is there makes no sense', async () => {
    await write('none');
    expect(await createRunc(state).created(ID, now(), within(50))).to.equal(undefined);
    expect(await createRunc(state).created('b'.repeat(64), now(), within(50))).to.equal(undefined);
    expect(await createRunc(state).created(ID, now(), AbortSignal.abort())).to.equal(undefined);
  });

  it('is not told where runc keeps its state elsewhere', async () => {
    expect(await createRunc(join(state, 'elsewhere')).created(ID, now(), within(2_000))).to.equal(undefined);
  });

  describe('that is held', () => {
    let child: ChildProcess;

    /** Something by the name that runc gives the process as long as it is runc's own. */
    async function start(name: string): Promise<number> {
      const file = join(state, name);
      await copyFile(SLEEP, file);
      await chmod(file, 0o755);
      child = spawn(file, ['sleep', '60'], { argv0: 'busybox' });
      await once(child, 'spawn');
      while (!(await readFile(`/proc/${child.pid}/comm`, 'utf8')).startsWith(name.slice(0, 5)))
        await sleep(1);
      return child.pid ?? 0;
    }
    const isStopped = async (pid: number) => / T /.test(await readFile(`/proc/${pid}/stat`, 'utf8'));
    async function becomes(pid: number, stopped: boolean): Promise<void> {
      while ((await isStopped(pid)) !== stopped) await sleep(1);
    }

    afterEach(() => child.kill('SIGKILL'));

    async function caught(name: string) {
      const pid = await start(name);
      await write(pid);
      const created = await createRunc(state).created(ID, 0, within(2_000));
      return { pid, hold: created?.hold ?? expect.fail('not created') };
    }

    it('goes on when it is let go', async () => {
      const { pid, hold } = await caught('runc:[2:INIT]');
      const release = hold();
      await becomes(pid, true);
      release();
      await becomes(pid, false);
    });

    it('goes on by itself after a moment', async () => {
      const { pid, hold } = await caught('runc:[2:INIT]');
      hold();
      await becomes(pid, true);
      await becomes(pid, false);
    });

    it('goes on when the agent ends meanwhile', async () => {
      const { pid } = await caught('runc:[2:INIT]');
      const module = new URL('../../../lib/docker/runc.ts', import.meta.url).href;
      const program = `import { createRunc } from ${JSON.stringify(module)};
        const created = await createRunc(${JSON.stringify(state)}).created('${ID}', 0, AbortSignal.timeout(2000));
        created.hold();
        process.stdin.once('data', () => process.exit(0));
        process.stdout.write('held');`;
      const agent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program]);
      try {
        await once(agent.stdout, 'data');
        await becomes(pid, true);
        agent.stdin.write('end');
        await once(agent, 'exit');
        expect(await isStopped(pid)).to.equal(false);
      } finally {
        agent.kill('SIGKILL');
      }
    });

    it('goes on when another agent begins', async () => {
      const { pid } = await caught('runc:[2:INIT]');
      process.kill(pid, 'SIGSTOP');
      await becomes(pid, true);
      createRunc(state).release();
      await becomes(pid, false);
    });

    it('is let go at once when it has become the program in that moment', async () => {
      const [initial, program] = [join(state, 'runc:[2:INIT]'), join(state, 'program')];
      for (const file of [initial, program]) {
        await copyFile(SLEEP, file);
        await chmod(file, 0o755);
      }
      child = spawn(initial, ['sh', '-c', 'read line; exec -a busybox "$0" sleep 60', program], {
        argv0: 'busybox',
      });
      await once(child, 'spawn');
      const pid = child.pid ?? 0;
      const nameOf = () => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      while (!nameOf().startsWith('runc:')) await sleep(1);
      await write(pid);
      const created = await createRunc(state).created(ID, 0, within(2_000));
      const { kill } = process;
      process.kill = (...of) => {
        process.kill = kill;
        child.stdin?.write('\n');
        while (nameOf() !== 'program');
        return process.kill(...of);
      };
      created?.hold();
      expect(await isStopped(pid)).to.equal(false);
    });

    it('is not held, nor let go, when it is the program already', async () => {
      const { pid, hold } = await caught('program');
      hold();
      await sleep(20);
      expect(await isStopped(pid)).to.equal(false);
      process.kill(pid, 'SIGSTOP');
      await becomes(pid, true);
      createRunc(state).release();
      await sleep(20);
      expect(await isStopped(pid)).to.equal(true);
    });
  });
});
