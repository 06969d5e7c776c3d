import { expect } from 'chai';
import { undoJoin, type JoinStep, type Undo } from '../../../lib/agent/switch-states.js';

describe('taking back a join', () => {
  const ALONE: [JoinStep, Undo[]][] = [
    ['ask', ['close cluster']],
    ['stop', ['close cluster', 'open own store']],
    ['copy', ['give back', 'close cluster', 'open own store']],
    ['start', ['stop services', 'give back', 'close cluster', 'open own store']],
    ['register', ['stop services', 'unregister', 'give back', 'close cluster', 'open own store']],
    ['forget', ['stop services', 'unregister', 'give back', 'close cluster', 'open own store']],
  ];
  for (const [step, undo] of ALONE) {
    it(`of a host that was alone, when it failed to ${step}`, () => {
      expect(undoJoin(step, true)).to.deep.equal(undo);
    });
  }

  it('of a member whose agent was restarted, never touches what it has in the cluster', () => {
    for (const [step] of ALONE) {
      const stop = ['start', 'register', 'forget'].includes(step) ? ['stop services'] : [];
      expect(undoJoin(step, false), step).to.deep.equal([...stop, 'close cluster']);
    }
  });
});
