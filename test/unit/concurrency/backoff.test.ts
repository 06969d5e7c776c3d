import { expect } from 'chai';
import { createBackoff } from '../../../lib/concurrency/backoff.js';
import { pause } from '../../../lib/concurrency/pause.js';

const FIRST_MS = 20;

describe('backoff', () => {
  function setUp() {
    const calls: number[] = [];
    const stopping = new AbortController();
    const times = { first: FIRST_MS, most: FIRST_MS * 4, signal: stopping.signal };
    const began = performance.now();
    const backoff = createBackoff(() => calls.push(performance.now() - began), times);
    return { calls, backoff, stopping };
  }

  it('calls back once after each failure, later each time, up to a limit', async () => {
    const calls: number[] = [];
    let last = performance.now();
    const times = { first: FIRST_MS, most: FIRST_MS * 4 };
    const done = new Promise<void>((resolve) => {
      const backoff = createBackoff(() => {
        calls.push(performance.now() - last);
        last = performance.now();
        if (calls.length === 4) resolve();
        else backoff.failed();
      }, times);
      backoff.failed();
      backoff.failed();
    });
    await Promise.all([done, pause(FIRST_MS)]);
    for (const [at, factor] of [1, 2, 4, 4].entries())
      expect(calls[at], `call ${at}`).to.be.greaterThan(FIRST_MS * factor - 2);
  });

  it('does not call back after a success, or once it is stopped', async () => {
    const { calls, backoff, stopping } = setUp();
    backoff.failed();
    backoff.succeeded();
    await pause(FIRST_MS * 2);
    backoff.failed();
    stopping.abort();
    await pause(FIRST_MS * 3);
    expect(calls).to.deep.equal([]);
  });
});
