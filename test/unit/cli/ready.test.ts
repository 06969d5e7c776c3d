import { expect } from 'chai';
import { keepsEnding } from '../../../lib/cli/daemons/keeps-ending.js';
import { telling } from '../../../lib/cli/daemons/ready.js';
import { messageOf } from '../../../lib/base/errors.js';
import type { Run } from '../../../lib/os/exec.js';

describe('waiting for a daemon', () => {
  it('that takes long tells what for, and ever more seldom', async () => {
    const told: string[] = [];
    const ask = telling(
      'agent',
      () => Promise.reject(new Error('no answer')),
      (line) => void told.push(line),
      20,
    );
    const began = performance.now();
    while (performance.now() - began < 200) expect(await ask().catch(messageOf)).to.equal('no answer');
    expect(told.length).to.be.within(2, 4);
    expect(told[0]).to.equal('still waiting for the agent: no answer');
  });

  it('that is quick tells nothing', async () => {
    const told: string[] = [];
    await telling(
      'agent',
      async () => 'ready',
      (line) => void told.push(line),
      0,
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
