import { expect } from 'chai';
import type { Node } from '../../../lib/agent/services.js';
import { createSeat } from '../../../lib/agent/current.js';

describe('the seat of a node', () => {
  const node = () => {
    let stopped = false;
    const made = { stop: async () => void (stopped = true) } as unknown as Node;
    return { made, isStopped: () => stopped };
  };

  it('lets calls wait while the node changes', async () => {
    const seat = createSeat();
    const [first, second] = [node(), node()];
    const waiting = seat.node();
    seat.take(first.made);
    expect(await waiting).to.equal(first.made);
    await seat.vacate('in between');
    expect([seat.current, first.isStopped()]).to.deep.equal([undefined, true]);
    const again = seat.node();
    seat.take(second.made);
    expect(await again).to.equal(second.made);
  });

  it('tells those that wait too long why there is none', async () => {
    const seat = createSeat(20);
    await seat.vacate('this host is not in a cluster yet');
    const message = await seat.node().catch((error: Error) => error.message);
    expect(message).to.equal('this host is not in a cluster yet');
  });
});
