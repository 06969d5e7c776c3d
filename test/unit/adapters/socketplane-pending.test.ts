import { expect } from 'chai';
import { createPending } from '../../../adapters/socketplane/pending.js';

describe('adapter socketplane: what is kept between hooks', () => {
  function setUp(patience = 60_000) {
    const dropped: string[] = [];
    const pending = createPending<string>({
      onDrop: (value, why) => void dropped.push(`${value} ${why}`),
      patience,
    });
    return { pending, dropped };
  }

  it('is handed out once', () => {
    const { pending, dropped } = setUp();
    pending.put('a', 'x');
    expect([pending.take('b'), pending.take('a'), pending.take('a'), pending.end('a')]).to.deep.equal([
      undefined,
      'x',
      undefined,
      undefined,
    ]);
    expect(dropped).to.deep.equal([]);
  });

  it('is dropped when the call has ended already, once', () => {
    const { pending, dropped } = setUp();
    expect(pending.end('a')).to.equal(undefined);
    pending.put('a', 'x');
    expect([dropped, pending.take('a')]).to.deep.equal([['x late'], undefined]);
    pending.put('a', 'y');
    expect(pending.end('a')).to.equal('y');
  });

  it('is dropped when nobody reports the end of the call', async () => {
    const { pending, dropped } = setUp(20);
    pending.put('a', 'x');
    pending.put('b', 'y');
    pending.take('b');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([dropped, pending.take('a')]).to.deep.equal([['x forgotten'], undefined]);
  });

  it('is bounded', () => {
    const { pending, dropped } = setUp();
    for (let at = 0; at < 1_002; at++) pending.put(`${at}`, `v${at}`);
    expect(dropped).to.deep.equal(['v0 forgotten', 'v1 forgotten']);
    for (let at = 0; at < 5_000; at++) pending.end(`gone ${at}`);
    pending.put('gone 0', 'late');
    expect(pending.take('gone 0')).to.equal('late');
  });
});
