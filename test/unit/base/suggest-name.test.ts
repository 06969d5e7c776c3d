import { expect } from 'chai';
import { suggestName } from '../../../lib/base/suggest-name.js';

describe('suggestName', () => {
  const names = ['web', 'database', 'con1', 'con2'];
  const cases: [string, string][] = [
    ['wbe', ', did you mean "web"?'],
    ['databse', ', did you mean "database"?'],
    ['cno1', ', did you mean "con1"?'],
    ['db', ''],
    ['x', ''],
    ['', ''],
    ['web'.repeat(10_000), ''],
  ];
  for (const [word, suggestion] of cases) {
    it(`${word.slice(0, 12)} → ${suggestion || 'nothing'}`, () => {
      expect(suggestName(word, names, '')).to.equal(suggestion);
    });
  }
});
