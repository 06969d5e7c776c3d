import { expect } from 'chai';
import fc from 'fast-check';
import { applyEdits, type Edit } from 'jsonc-parser';
import { splice } from '../../../lib/json/splice.js';

describe('splicing', () => {
  it('makes edits in any order, and those at one offset in the order given', () => {
    const edits: Edit[] = [
      { offset: 4, length: 0, content: ',x' },
      { offset: 4, length: 0, content: ',y' },
      { offset: 1, length: 2, content: 'é' },
    ];
    expect(splice('{ab }', edits)).to.equal('{é ,x,y}');
  });

  it('gives what jsonc-parser gives, for any edits that do not overlap', () => {
    const piece = fc.record({ keep: fc.string(), drop: fc.string(), content: fc.string() });
    fc.assert(
      fc.property(fc.array(piece), fc.string(), (pieces, tail) => {
        let text = '';
        const edits: Edit[] = [];
        for (const { keep, drop, content } of pieces) {
          edits.push({ offset: text.length + keep.length, length: drop.length, content });
          text += keep + drop;
        }
        text += tail;
        expect(splice(text, edits)).to.equal(applyEdits(text, edits));
      }),
    );
  });

  it('takes time in proportion to the text, however many edits there are', function () {
    this.timeout(5_000);
    const item = '{"a":1},';
    const count = 100_000;
    const edits = Array.from({ length: count }, (_, i) => ({ offset: i * 8 + 1, length: 3, content: '"A"' }));
    expect(splice(item.repeat(count), edits)).to.equal('{"A":1},'.repeat(count));
  });
});
