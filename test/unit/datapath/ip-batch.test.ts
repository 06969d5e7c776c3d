import { spawn, type ChildProcess } from 'node:child_process';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { createIpBatch } from '../../../lib/datapath/kernel/ip-batch.js';
import { CommandError, type Run } from '../../../lib/os/exec.js';
import { until } from '../../support/until.js';

const PATIENCE_MS = 300;

/** Behaves as `ip -force -batch -`: lines that begin with `bad`, and those of no object, fail. */
const LONG_LIVED = `
  let line = 0;
  require('readline').createInterface({ input: process.stdin }).on('line', (text) => {
    line++;
    if (text === 'die') process.kill(process.pid, 'SIGKILL');
    else if (text === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    else if (!text.startsWith('link')) process.stderr.write('it failed\\nCommand failed -:' + line + '\\n');
  });
`;

describe('a batch of `ip` commands', () => {
  let children: ChildProcess[];
  /** Batches that got a process of their own. */
  let alone: string[];
  const run: Run = async (argv, { input = '' } = {}) => {
    alone.push(input);
    if (input.includes('bad')) throw new CommandError(argv, 1, 'it failed', undefined, undefined);
    return '';
  };
  const start = () => {
    const child = spawn(process.execPath, ['-e', LONG_LIVED], { stdio: ['pipe', 'ignore', 'pipe'] });
    children.push(child);
    return child;
  };
  const create = () => createIpBatch(run, start, PATIENCE_MS * 10);
  beforeEach(() => {
    children = [];
    alone = [];
  });
  afterEach(() => children.forEach((child) => child.kill('SIGKILL')));

  it('shares one process with all others', async () => {
    const ip = create();
    await ip(['link one', 'link two']);
    await Promise.all([ip(['link three']), ip(['link four', 'link five'])]);
    expect([children.length, alone]).to.deep.equal([1, []]);
  });

  it('that fails is run again by a process of its own, whose outcome counts', async () => {
    const ip = create();
    expect(await ip(['link one', 'bad', 'link two']).catch(messageOf)).to.match(/^ip exited 1: it failed/);
    await ip(['stale number of a device']);
    expect(alone).to.deep.equal(['link one\nbad\nlink two\n', 'stale number of a device\n']);
    await ip(['link three']);
    expect([children.length, alone.length]).to.deep.equal([3, 2]);
  });

  it('takes no other along when it fails', async () => {
    const ip = create();
    const outcomes = await Promise.allSettled([ip(['link one']), ip(['bad']), ip(['link two'])]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('is done nevertheless when the process is killed, hangs, or cannot be started', async () => {
    const ip = create();
    await ip(['die']);
    await ip(['link one']);
    const [, second] = children;
    second?.kill('SIGKILL');
    await until('its end', async () => second?.signalCode === 'SIGKILL');
    await ip(['link two']);
    expect(alone.slice(0, 1)).to.deep.equal(['die\n']);
    alone = [];
    await createIpBatch(run, start, PATIENCE_MS)(['hang']);
    const nobody = () => spawn('/nowhere/ip', { stdio: ['pipe', 'ignore', 'pipe'] });
    await createIpBatch(run, nobody, PATIENCE_MS)(['link three']);
    expect(alone).to.deep.equal(['hang\n', 'link three\n']);
  });

  it('leaves its process after many others to a new one, and the old one ends', async () => {
    const ip = create();
    for (let batch = 0; batch <= 500; batch++) await ip([`link ${batch}`]);
    expect([children.length, alone]).to.deep.equal([2, []]);
    await until('the end of the first', async () => children[0]?.exitCode === 0);
  });
});
