import { join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createRun, reasonOf } from '../../../lib/os/exec.js';

const run = createRun(silentLog);
const fail = (...argv: [string, ...string[]]) => run(argv, { timeout: 300 }).catch((error: unknown) => error);
import { ROOT } from '../../support/doc-blocks.js';

describe('a command', () => {
  it('gives its standard output, and takes its input and its environment', async () => {
    expect(await run(['sh', '-c', 'cat; echo " $NAME"'], { input: 'hello', env: { NAME: 'you' } })).to.equal(
      'hello you',
    );
  });

  it('that failed gives as its reason the last line of its standard error, not of its output', async () => {
    // As `docker version` does where Docker is down.
    const error = await fail(
      'sh',
      '-c',
      'echo first >&2; echo why >&2; echo "Client:"; echo " Context: default"; exit 1',
    );
    expect(reasonOf(error)).to.equal('why');
    expect(messageOf(error)).to.equal('sh exited 1: first');
  });

  it('that failed without a word on standard error gives the last line of its output', async () => {
    expect(reasonOf(await fail('sh', '-c', 'echo one; echo two; exit 3'))).to.equal('two');
  });

  it('that was never there, took too long or was killed says so', async () => {
    expect(reasonOf(await fail('no-such-program', 'x'))).to.equal('no-such-program is not installed: x');
    expect(reasonOf(await fail('sleep', '60'))).to.equal('sleep did not end in time: 60');
    expect(reasonOf(await fail('sh', '-c', 'kill -9 $$'))).to.match(/^sh was killed/);
  });

  it('outlives that there is no descriptor for a child, says so, and goes on when there is', async function () {
    this.timeout(60_000);
    const script = `
      import { closeSync, openSync } from 'node:fs';
      import { createRun } from '${join(ROOT, 'lib/os/exec.ts')}';
      import { silentLog } from '${join(ROOT, 'lib/base/log.ts')}';
      const run = createRun(silentLog);
      const held = [];
      try { for (;;) held.push(openSync('/dev/null', 'r')); } catch {}
      const said = await run(['echo', 'a']).catch((error) => error.message);
      // Whatever ends the process comes in the next turns.
      await new Promise((resolve) => setTimeout(resolve, 50));
      held.forEach((descriptor) => closeSync(descriptor));
      console.log(JSON.stringify([said, await run(['echo', 'b'])]));
    `;
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script] as const;
    const said = await createRun(silentLog)(['prlimit', '--nofile=200', ...node], { timeout: 60_000 });
    expect(JSON.parse(said)).to.deep.equal([
      'echo cannot be started (EMFILE): this process has too many files open; raise LimitNOFILE, or `ulimit -n`: a',
      'b',
    ]);
  });
});
