import { expect } from 'chai';
import { keepsEnding } from '../../../lib/cli/daemons/keeps-ending.js';
import { LackError, telling } from '../../../lib/cli/daemons/ready.js';
import { messageOf } from '../../../lib/base/errors.js';
import { pause } from '../../../lib/concurrency/pause.js';
import { until } from '../../../lib/concurrency/until.js';
import type { Run } from '../../../lib/os/exec.js';

describe('waiting for a daemon', () => {
  it('that takes long tells what for, and ever more seldom', async () => {
    const told: string[] = [];
    const ask = telling(
      'agent',
      () => Promise.reject(new Error('no answer')),
      (line) => void told.push(line),
      { first: 20 },
    );
    const began = performance.now();
    while (told.length < 3) {
      expect(await ask().catch(messageOf)).to.equal('no answer');
      await pause(1);
    }
    // After 20 ms, 40 and 80; later where this process had to wait.
    expect(performance.now() - began).to.be.at.least(80);
    expect(told[0]).to.equal('still waiting for the agent: no answer');
  });

  it('that is up and lacks something ends when that does not come', async () => {
    let isLacking = false;
    const began = performance.now();
    const attempt = telling(
      'agent',
      () => Promise.reject(isLacking ? new LackError('Docker does not answer') : new Error('no answer')),
      () => undefined,
      { lack: 30 },
    );
    setTimeout(() => (isLacking = true), 100);
    const waiting = until(attempt, { timeout: 10_000, every: 5 });
    expect(await waiting.catch(messageOf)).to.equal('Docker does not answer');
    expect(performance.now() - began).to.be.within(100, 5_000);
  });

  it('that is quick tells nothing', async () => {
    const told: string[] = [];
    await telling(
      'agent',
      async () => 'ready',
      (line) => void told.push(line),
      { first: 0 },
    )();
    expect(told).to.deep.equal([]);
  });

  it('whose unit is started again and again ends, with its last words', async () => {
    let restarts = 5;
    const run: Run = async (argv) => {
      if (argv[0] === 'journalctl') return '{"level":"error","message":"agent.yml: listn: unknown key"}\n';
      return argv.at(-1) === 'b.service' ? `${restarts}\n` : '0\n';
    };
    const giveUp = await keepsEnding(run, ['a.service', 'b.service']);
    restarts++;
    await giveUp();
    restarts++;
    expect(await giveUp().catch(messageOf)).to.equal('b.service keeps ending: agent.yml: listn: unknown key');
  });
});
