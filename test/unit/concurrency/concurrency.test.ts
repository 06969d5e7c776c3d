import { expect } from 'chai';
import { createBatcher } from '../../../lib/concurrency/batcher.js';
import { singleFlight } from '../../../lib/concurrency/single-flight.js';
import { createReadWriteLock } from '../../../lib/concurrency/read-write-lock.js';
import { until } from '../../../lib/concurrency/until.js';
import { pause } from '../../../lib/concurrency/pause.js';
import { retryBriefly } from '../../../lib/concurrency/retry-briefly.js';
import { createKeyedLock } from '../../../lib/concurrency/keyed-lock.js';
import { AppError, messageOf } from '../../../lib/base/errors.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('keyed lock', () => {
  it('runs tasks of one key in order, of others at the same time, and goes on after a failure', async () => {
    const lock = createKeyedLock();
    const done: string[] = [];
    const task = (name: string) => async () => {
      await tick();
      done.push(name);
      if (name === 'a1') throw new Error(name);
    };
    const results = await Promise.allSettled([
      lock('a', task('a1')),
      lock('a', task('a2')),
      lock('b', task('b1')),
    ]);
    expect(done).to.deep.equal(['a1', 'b1', 'a2']);
    expect(results.map(({ status }) => status)).to.deep.equal(['rejected', 'fulfilled', 'fulfilled']);
  });
});

describe('until', () => {
  it('leaves most of the time to what it waits for, where a look takes long', async () => {
    let looking = 0;
    const began = performance.now();
    const never = async () => {
      const from = performance.now();
      await pause(20);
      looking += performance.now() - from;
      throw new Error('not yet');
    };
    expect(await until(never, { timeout: 500, every: 1 }).catch(messageOf)).to.equal('not yet');
    expect(looking).to.be.lessThan((performance.now() - began) / 3);
  });
});

describe('gate', () => {
  it('lets shared tasks run together and an exclusive one alone', async () => {
    const gate = createReadWriteLock();
    let inside = 0;
    let alone = true;
    const shared = () =>
      gate.shared(async () => {
        inside++;
        await tick();
        inside--;
      });
    const exclusive = () =>
      gate.exclusive(async () => {
        alone &&= inside === 0;
        inside++;
        await tick();
        alone &&= inside === 1;
        inside--;
      });
    await Promise.all([shared(), shared(), exclusive(), shared(), exclusive(), exclusive(), shared()]);
    expect([alone, inside]).to.deep.equal([true, 0]);
  });

  it('opens again after a failure', async () => {
    const gate = createReadWriteLock();
    const fail = async () => Promise.reject(new Error('no'));
    await Promise.allSettled([gate.shared(fail), gate.exclusive(fail)]);
    expect(await gate.shared(async () => 1)).to.equal(1);
  });
});

describe('batcher', () => {
  it('runs what came meanwhile as one', async () => {
    const batches: number[][] = [];
    const add = createBatcher<number>(async (items) => {
      batches.push(items);
      await tick();
    });
    const first = add(1);
    await tick();
    await Promise.all([first, add(2), add(3)]);
    await add(4);
    expect(batches).to.deep.equal([[1], [2, 3], [4]]);
  });

  it('fails only the item that is bad', async () => {
    const add = createBatcher<number>(async (items) => {
      if (items.includes(2)) throw new Error('two');
    });
    const results = await Promise.allSettled([add(1), add(2), add(3)]);
    expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
  });
});

describe('singleFlight', () => {
  it('runs once more, and only once, for all calls during a run', async () => {
    let runs = 0;
    const run = singleFlight(async () => {
      runs++;
      await tick();
    });
    await Promise.all([run(), run(), run()]);
    expect(runs).to.equal(2);
    await run();
    expect(runs).to.equal(3);
  });
});

describe('retryBriefly', () => {
  const refused = new AppError('unavailable', 'no leader');

  it('tries again what will work in a moment', async () => {
    let calls = 0;
    const work = async () => {
      if (++calls < 3) throw refused;
      return 'done';
    };
    expect(await retryBriefly(work)).to.equal('done');
  });

  it('gives up after a moment, with the reason', async () => {
    const error: unknown = await retryBriefly(() => Promise.reject(refused)).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.equal(refused);
  });

  it('tries nothing again that fails for another reason', async () => {
    let calls = 0;
    const work = async () => {
      calls++;
      throw new AppError('conflict', 'taken');
    };
    expect(await retryBriefly(work).catch(messageOf)).to.equal('taken');
    expect(calls).to.equal(1);
  });
});
