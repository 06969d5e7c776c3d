import { expect } from 'chai';
import { createSettleQueue, PARALLEL } from '../../../lib/agent/settle-queue.js';
import type { Log } from '../../../lib/base/log.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('queue of containers to settle', () => {
  function setUp() {
    /** How to end each run, in the order of their beginnings. */
    const runs: { container: string; end: (error?: Error) => void }[] = [];
    const warnings: unknown[] = [];
    let failures = 0;
    const stopping = new AbortController();
    const queue = createSettleQueue({
      settle: (container) =>
        new Promise<void>((resolve, reject) =>
          runs.push({ container, end: (error) => (error ? reject(error) : resolve()) }),
        ),
      onFailure: () => void failures++,
      signal: stopping.signal,
      log: { warn: (_text: string, fields: object) => void warnings.push(fields) } as unknown as Log,
    });
    return { queue, runs, warnings, failures: () => failures, stop: () => stopping.abort() };
  }
  const begun = (runs: { container: string }[]) => runs.map(({ container }) => container).join(' ');

  it('runs a few at a time, and one container once at a time', async () => {
    const { queue, runs } = setUp();
    for (let n = 0; n < 3; n++) void queue.settle('slow');
    await turn();
    void queue.settle('slow');
    const others = Array.from({ length: PARALLEL }, (_, n) => `c${n}`);
    others.forEach((one) => void queue.settle(one));
    await turn();
    expect(runs).to.have.length(PARALLEL);
    expect(begun(runs.filter(({ container }) => container === 'slow'))).to.equal('slow');
    runs[1]!.end();
    await turn();
    expect(runs).to.have.length(PARALLEL + 1);
  });

  it('runs once more for what is asked for during a run, not for what waits already', async () => {
    const { queue, runs } = setUp();
    void queue.settle('con');
    await turn();
    const [second, third] = [queue.settle('con'), queue.settle('con')];
    expect(second).to.equal(third);
    runs[0]!.end();
    await turn();
    expect(begun(runs)).to.equal('con con');
    runs[1]!.end();
    await second;
    await queue.idle();
    expect(runs).to.have.length(2);
  });

  it('never rejects, tells of each failure, and warns of each problem once until it is over', async () => {
    const { queue, runs, warnings, failures } = setUp();
    for (const error of ['away', 'away', 'broken', '', 'away']) {
      const settled = queue.settle('con');
      await turn();
      runs.at(-1)!.end(error ? new Error(error) : undefined);
      await settled;
    }
    expect(failures()).to.equal(4);
    expect(warnings.map((fields) => (fields as { error: string }).error)).to.deep.equal([
      ...['away', 'broken', 'away'],
    ]);
  });

  it('begins nothing when it has been stopped, and is idle when what runs has ended', async () => {
    const { queue, runs, stop } = setUp();
    void queue.settle('con');
    await turn();
    const late = queue.settle('con');
    stop();
    let isIdle = false;
    const idle = queue.idle().then(() => (isIdle = true));
    await turn();
    expect(isIdle).to.equal(false);
    runs[0]!.end();
    await Promise.all([late, idle]);
    expect(runs).to.have.length(1);
  });
});
