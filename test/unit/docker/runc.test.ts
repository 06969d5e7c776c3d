import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createRuncWatch } from '../../../lib/docker/runc.js';

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
    const pid = createRuncWatch(state)(ID, now(), within(2_000));
    await sleep(20);
    await mkdir(join(state, ID));
    await sleep(20);
    await write(4711);
    expect(await pid).to.equal(4711);
  });

  it('is found when it is there already', async () => {
    const since = now();
    await write(4711);
    expect(await createRuncWatch(state)(ID, since, within(2_000))).to.equal(4711);
  });

  it('is not that of an earlier run', async () => {
    await write(1, new Date(Date.now() - 10_000));
    const pid = createRuncWatch(state)(ID, now(), within(2_000));
    await sleep(20);
    await write(2);
    expect(await pid).to.equal(2);
  });

  it('is not told when nobody waits any more, or what is there makes no sense', async () => {
    await write('none');
    expect(await createRuncWatch(state)(ID, now(), within(50))).to.equal(undefined);
    expect(await createRuncWatch(state)('b'.repeat(64), now(), within(50))).to.equal(undefined);
    expect(await createRuncWatch(state)(ID, now(), AbortSignal.abort())).to.equal(undefined);
  });

  it('is not told where runc keeps its state elsewhere', async () => {
    expect(await createRuncWatch(join(state, 'elsewhere'))(ID, now(), within(2_000))).to.equal(undefined);
  });
});
