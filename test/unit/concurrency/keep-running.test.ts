import { expect } from 'chai';
import type { Log } from '../../../lib/base/log.js';
import { silentLog } from '../../../lib/base/log.js';
import { keepRunning } from '../../../lib/concurrency/keep-running.js';

describe('a task that is kept running', () => {
  const REASONS = ['a', 'a', 'b', undefined, 'b'];

  it('starts again when it has ended or failed, and each new reason is logged once', async () => {
    const end = new AbortController();
    const logged: unknown[] = [];
    const log: Log = Object.assign(Object.create(silentLog) as Log, {
      error: (message: string, { error }: { error: string }) => logged.push([message, error]),
    });
    let run = 0;
    await keepRunning(
      async (signal) => {
        expect(signal).to.equal(end.signal);
        if (run === REASONS.length) return end.abort();
        const reason = REASONS[run++];
        if (reason !== undefined) throw new Error(reason);
      },
      { what: 'following', log, signal: end.signal, every: 1 },
    );
    const message = 'following failed, starting again';
    expect(logged).to.deep.equal([
      [message, 'a'],
      [message, 'b'],
      [message, 'b'],
    ]);
  });

  it('ends without a word when it is told to, and when it fails because of that', async () => {
    const end = new AbortController();
    const log: Log = Object.assign(Object.create(silentLog) as Log, {
      error: () => expect.fail('nothing has failed'),
    });
    const fail = async () => {
      end.abort();
      throw new Error('aborted');
    };
    await keepRunning(fail, { what: 'following', log, signal: end.signal });
    await keepRunning(fail, { what: 'following', log, signal: AbortSignal.abort() });
  });
});
