import { expect } from 'chai';
import fc from 'fast-check';
import { keepUntouched } from '../../../lib/json/merge.js';

describe('what an adapter did not touch', () => {
  const cases: [what: string, was: string, is: string, expected: string][] = [
    [
      'keeps its numbers when something beside it changes',
      '{"Big": 9223372036854775807, "A": 1e2, "B":[1.0, 2]}',
      '{"Big":9223372036854776000,"A":100,"B":[1,3]}',
      '{"Big":9223372036854775807,"A":1e2,"B":[1.0,3]}',
    ],
    [
      'keeps every byte when nothing changes',
      ' {"b":1, "a":"\\u00e9"}\n',
      '{"a":"é","b":1.0}',
      '{"b":1, "a":"\\u00e9"}',
    ],
    [
      'keeps its order, and what is new comes last',
      '{"b":1,"a":2}',
      '{"new":0,"a":3,"b":1}',
      '{"b":1,"a":3,"new":0}',
    ],
    [
      'may lose a field',
      '{"a":1,"b":2,"c":{"d":12345678901234567890}}',
      '{"a":1,"c":{"d":12345678901234567000}}',
      '{"a":1,"c":{"d":12345678901234567890}}',
    ],
    [
      'keeps its items when one is added',
      '[12345678901234567890,2]',
      '[12345678901234567000,1,2]',
      '[12345678901234567890,1,2]',
    ],
    [
      'keeps its items when one is removed',
      '[1,12345678901234567890]',
      '[12345678901234567000]',
      '[12345678901234567890]',
    ],
    ['is told from another large number', '[9007199254740992]', '[9007199254740993]', '[9007199254740993]'],
    [
      'is told from another large number of the same double',
      '[12345678901234567890]',
      '[12345678901234567891]',
      '[12345678901234567891]',
    ],
    [
      'keeps a field that comes twice',
      '{"L":{"a":1,"a":2},"b":1}',
      '{"L":{"a":2},"b":2}',
      '{"L":{"a":1,"a":2},"b":2}',
    ],
    ['may become something else', '{"a":{"b":1}}', '{"a":[1]}', '{"a":[1]}'],
    [
      'may have any name',
      '{"__proto__":{"a":10000000000000001},"b":1}',
      '{"__proto__":{"a":10000000000000000},"b":2}',
      '{"__proto__":{"a":10000000000000001},"b":2}',
    ],
  ];
  for (const [what, was, is, expected] of cases) {
    it(what, () => expect(keepUntouched(was, is)).to.equal(expected));
  }

  it('and what it did touch is always as it wrote it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (was, is) => {
        const text = keepUntouched(JSON.stringify(was), JSON.stringify(is));
        expect(JSON.parse(text)).to.deep.equal(JSON.parse(JSON.stringify(is)));
      }),
    );
  });
});
