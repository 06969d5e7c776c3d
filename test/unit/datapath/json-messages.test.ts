import { expect } from 'chai';
import fc from 'fast-check';
import { createMessageSplitter } from '../../../lib/datapath/vswitch/json-messages.js';

describe('JSON messages in a stream', () => {
  it('come out whole, in whatever pieces they arrive', () => {
    const messages = fc.array(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 2 })), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 9 }), (sent, size) => {
        const stream = Buffer.from(sent.map((one) => JSON.stringify(one)).join(''));
        const split = createMessageSplitter();
        const received: string[] = [];
        for (let at = 0; at < stream.length; at += size)
          received.push(...split(stream.subarray(at, at + size)));
        expect(received).to.deep.equal(sent.map((one) => JSON.stringify(one)));
      }),
      { numRuns: 50 },
    );
  });

  it('may have space between them', () => {
    expect(
      createMessageSplitter()(Buffer.from(' {"a":"}\\"{"}\n{} {"b"')).map((text) => text.trim()),
    ).to.deep.equal(['{"a":"}\\"{"}', '{}']);
  });
});
