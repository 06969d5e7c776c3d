import { expect } from 'chai';
import { progressOn } from '../../../lib/cli/terminal/progress.js';
import { table } from '../../../lib/cli/terminal/output.js';
import { paintOn } from '../../../lib/cli/terminal/style.js';
import { reportTable } from '../../support/report-table.js';
import { until } from '../../support/until.js';

describe('progress and colours', () => {
  const terminal = (isTTY: boolean) => {
    const written: string[] = [];
    return { written, isTTY, write: (text: string) => written.push(text) };
  };

  it('tells of work that takes longer than a second, and wipes what it told', async () => {
    const output = terminal(true);
    const told = () => until(() => output.written.length > 0);
    expect(await progressOn(output, {})('waiting', () => told().then(() => 'done'))).to.equal('done');
    expect(output.written).to.deep.equal(['\r\u001b[Kwaiting … 1 s', '\r\u001b[K']);
  });

  it('says nothing of what is quick, and passes on how it failed', async () => {
    const output = terminal(true);
    const failing = progressOn(output, {})('waiting', () => Promise.reject(new Error('no')));
    const message = await failing.catch((error: Error) => error.message);
    expect([message, output.written]).to.deep.equal(['no', []]);
  });

  it('are for terminals that show them', () => {
    const red = (isTTY: boolean, env: NodeJS.ProcessEnv = {}, wanted?: boolean) =>
      paintOn(terminal(isTTY), env, wanted)('red', 'x');
    expect(red(true)).to.equal('\u001b[31mx\u001b[39m');
    expect([
      red(false),
      red(true, { NO_COLOR: '1' }),
      red(true, { TERM: 'dumb' }),
      red(true, {}, false),
    ]).to.deep.equal(['x', 'x', 'x', 'x']);
  });

  it('are in no table that goes into a pipe, nor where NO_COLOR is set', () => {
    const report = (isTTY: boolean, env: NodeJS.ProcessEnv = {}) => {
      const made = reportTable(['HEAD'], terminal(isTTY), env);
      made.push(['cell']);
      return made.toString();
    };
    expect(report(true)).to.include('\u001b[2mHEAD');
    for (const plain of [report(false), report(true, { NO_COLOR: '1' }), table(['HEAD'], [['cell']])]) {
      expect(plain).to.include('HEAD').and.not.include('\u001b');
    }
  });
});
