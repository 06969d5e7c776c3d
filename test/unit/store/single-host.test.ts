import { expect } from 'chai';
import { createMemoryElection } from '../../../lib/store/election.js';
import { createMemoryLiveness } from '../../../lib/store/liveness.js';

describe('liveness within a process', () => {
  it('tells the hosts that are alive, then each change', async () => {
    const liveness = createMemoryLiveness();
    const [one, two, watching] = [new AbortController(), new AbortController(), new AbortController()];
    void liveness.announce('one', one.signal);
    const watch = liveness.watch(watching.signal)[Symbol.asyncIterator]();
    const hosts = async () => {
      const step = await watch.next();
      return step.done ? 'ended' : [...step.value];
    };
    expect(await hosts()).to.deep.equal(['one']);
    void liveness.announce('two', two.signal);
    expect(await hosts()).to.deep.equal(['one', 'two']);
    one.abort();
    expect(await hosts()).to.deep.equal(['two']);
    watching.abort();
    expect(await hosts()).to.equal('ended');
    two.abort();
  });
});

describe('election within a process', () => {
  it('one leads at a time, the next when it has ended', async () => {
    const election = createMemoryElection();
    const [one, two] = [new AbortController(), new AbortController()];
    const order: string[] = [];
    const lead = (who: string, { signal }: AbortController) =>
      election.lead('reaper', signal, async (ended) => {
        order.push(`${who} begins`);
        await new Promise((resolve) => ended.addEventListener('abort', resolve));
        order.push(`${who} ends`);
      });
    const both = [lead('one', one), lead('two', two)];
    await new Promise(setImmediate);
    expect(order).to.deep.equal(['one begins']);
    one.abort();
    await both[0];
    await new Promise(setImmediate);
    two.abort();
    await both[1];
    expect(order).to.deep.equal(['one begins', 'one ends', 'two begins', 'two ends']);
  });

  it('one that stopped waiting never leads', async () => {
    const election = createMemoryElection();
    await election.lead('reaper', AbortSignal.abort(), async () => {
      throw new Error('it leads');
    });
  });
});
