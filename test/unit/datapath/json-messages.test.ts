import { expect } from 'chai';
import fc from 'fast-check';
import { createMessageSplitter } from '../../../lib/datapath/vswitch/json-messages.js';

describe('JSON messages in a stream', () => {
  it('come out whole, in whatever pieces they arrive', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', 'ä', '€', '\n', 'a') });
    const messages = fc.array(fc.dictionary(text, fc.oneof(text, fc.dictionary(text, text))));
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 9 }), (sent, size) => {
        const stream = Buffer.from(sent.map((one) => JSON.stringify(one)).join(''));
        const split = createMessageSplitter();
        const received: string[] = [];
        for (let at = 0; at < stream.length; at += size)
          received.push(...split(stream.subarray(at, at + size)));
        expect(received).to.deep.equal(sent.map((one) => JSON.stringify(one)));
      }),
    );
  });

  it('may have space between them', () => {
    expect(
      createMessageSplitter()(Buffer.from(' {"a":"}\\"{"}\n{} {"b"')).map((text) => text.trim()),
    ).to.deep.equal(['{"a":"}\\"{"}', '{}']);
  });
});
