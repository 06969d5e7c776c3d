import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { createProgram } from '../../../lib/cli/cli.js';
import { SHELLS, completionScript } from '../../../lib/cli/help/completion-script.js';
import { manPage } from '../../../lib/cli/help/man-page.js';
import { hostPaths } from '../../../lib/base/paths.js';
import { createBench, fakeAgent, type Bench } from './support.js';

const ROOT = join(import.meta.dirname, '../../..');

describe('completion and manual', () => {
  let bench: Bench;
  beforeEach(async () => (bench = await createBench()));
  afterEach(() => bench.close());

  const complete = async (...words: string[]) =>
    (await bench.cli('__complete', '--', ...words)).stdout.split('\n').filter(Boolean);

  it('completes commands and options of the program', async () => {
    expect(await complete('net')).to.deep.equal(['network']);
    expect(await complete('network', '')).to.include.members(['list', 'info', 'create', 'delete']);
    expect(await complete('doctor', '--f')).to.deep.equal(['--fix']);
    expect(await complete('')).not.to.include('__complete');
  });

  it('completes names that the agent knows', async () => {
    await bench.listen(fakeAgent(), bench.paths.agentSocket);
    expect(await complete('network', 'info', 'd')).to.deep.equal(['default']);
    expect(await complete('info', '')).to.deep.equal(['con1']);
    expect(await complete('run', '-n', '')).to.deep.equal(['default']);
  });

  it('says nothing without an agent', async () => {
    const { status, stdout, stderr } = await bench.cli('__complete', '--', 'info', '');
    expect([status, stdout, stderr]).to.deep.equal([0, '', '']);
  });

  it('prints a script for each shell, and refuses others', async () => {
    for (const shell of SHELLS) {
      expect((await bench.cli('completion', shell)).stdout).to.equal(completionScript(shell));
    }
    await execa('bash', ['-n'], { input: completionScript('bash') });
    expect((await bench.cli('completion', 'fish')).status).to.equal(2);
  });

  it('docs/socketplane.1 is what the program says of itself: `npm run man`', async () => {
    const write = () => true;
    const program = createProgram({
      stdout: { write },
      stderr: { write },
      env: {},
      uid: 0,
      argv: [],
      paths: hostPaths,
      command: 'socketplane',
    });
    expect(await readFile(join(ROOT, 'docs/socketplane.1'), 'utf8')).to.equal(manPage(program));
  });
});
