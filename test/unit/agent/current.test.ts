import { expect } from 'chai';
import { createCurrent } from '../../../lib/agent/current.js';

describe('a current value', () => {
  const messageOf = (attempt: Promise<unknown>) => attempt.catch((error: Error) => error.message);

  it('lets callers wait while it is replaced', async () => {
    const [first, second] = [{ number: 1 }, { number: 2 }];
    const current = createCurrent('starting');
    const waiting = current.get();
    current.set(first);
    expect(await waiting).to.equal(first);
    expect(current.clear('in between')).to.equal(first);
    expect([current.current, current.clear('still')]).to.deep.equal([undefined, undefined]);
    const again = current.get();
    current.set(second);
    expect(await again).to.equal(second);
    expect(await current.get()).to.equal(second);
  });

  it('tells those who wait too long why there is none, and what is so by then', async () => {
    const current = createCurrent('starting', 5);
    expect(await messageOf(current.get())).to.equal('starting');
    let problem = 'no leader';
    current.clear(() => `waiting for the cluster: ${problem}`);
    const waiting = current.get();
    problem = 'no device';
    expect(await messageOf(waiting)).to.equal('waiting for the cluster: no device');
  });
});
