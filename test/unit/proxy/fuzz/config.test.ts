import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { AppError } from '../../../../lib/base/errors.js';
import { describeConfig } from '../../../../lib/proxy/config/check.js';
import { fuzz, patience } from '../../../support/fuzz/settings.js';
import { proxyOptions } from '../../../support/proxy/harness.js';

const SECONDS = 5;
const GOOD = `${readFileSync('proxy.yml', 'utf8')}
tls: { cert: /a.pem, key: &key /a.key, ca: *key }
limits: { hookBody: 1KiB, adapterTimeout: 1s }
`;

const piece = fc.constantFrom(
  ...[
    '\n',
    '  ',
    ':',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: *key',
    '!!set',
    '!!binary ',
    '!x ',
    '|',
    '>',
    '%',
    '---\n',
    '...\n',
    '? ',
    '#',
    '\t',
    '\0',
    '\u0085',
    '__proto__: ',
    'null',
    '~',
    '0x',
    '1e999',
    '.nan',
    '',
  ],
);
const place = fc.noBias(fc.nat(9999)).map((part) => part / 10_000);

/** The project's own file, with bytes changed. */
const mutated = fc.array(fc.tuple(place, fc.nat(12), piece), { minLength: 1, maxLength: 5 }).map((edits) =>
  edits.reduce((text, [where, removed, added]) => {
    const at = Math.floor(where * text.length);
    return text.slice(0, at) + added + text.slice(at + removed);
  }, GOOD),
);

const key = fc.oneof(
  fc.constantFrom(
    'listen',
    'tls',
    'endpoints',
    'adapters',
    'limits',
    'trace',
    'metrics',
    'upstream',
    'POST /x',
    'pre',
    'a',
    'url',
    'options',
    'timeout',
    '__proto__',
    'constructor',
    'a\nb',
  ),
  fc.string(),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<unknown>(
      'unix:///a',
      'tcp://:1',
      'http://a',
      './m.js',
      1,
      -1,
      NaN,
      null,
      true,
      '1s',
      '8MiB',
    ),
    fc.string(),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
  ),
}));
const generated = fc
  .dictionary(key, tree, { maxKeys: 5 })
  .map((value) => stringify({ version: 1, ...value }));

describe('whatever is in proxy.yml', function () {
  this.timeout(patience(SECONDS));

  it('it is taken, or refused with one line', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(mutated, generated, fc.string()), (text) => {
        try {
          describeConfig(proxyOptions(text));
          taken++;
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.message).to.match(/^proxy\.yml.*$/);
        }
      }),
      fuzz(3000, SECONDS),
    );
    // Else hardly anything gets as far as the schema.
    expect(taken).to.be.greaterThan(20);
  });
});
