import { expect } from 'chai';
import fc from 'fast-check';
import { compileGlob, globMistake } from '../../../../lib/proxy/config/glob.js';
import { createMatch } from '../../../../lib/proxy/config/match.js';
import { isTooOld, parseTarget } from '../../../../lib/docker-api/target.js';

/** Python's fnmatch, letter by letter. */
function fnmatch(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const [first] = pattern;
  if (first === '*') {
    return Array.from({ length: text.length + 1 }, (_, skip) => skip).some((skip) =>
      fnmatch(pattern.slice(1), text.slice(skip)),
    );
  }
  if (text === '') return false;
  if (first === '?') return fnmatch(pattern.slice(1), text.slice(1));
  if (first === '[') {
    const end = pattern.indexOf(']', 2);
    const negated = /[!^]/.test(pattern[1]!);
    const set = new RegExp(`[${pattern.slice(negated ? 2 : 1, end)}]`);
    return set.test(text[0]!) !== negated && fnmatch(pattern.slice(end + 1), text.slice(1));
  }
  return first === text[0] && fnmatch(pattern.slice(1), text.slice(1));
}

const parts = (...choices: string[]) =>
  fc.array(fc.constantFrom(...choices), { maxLength: 8 }).map((list) => `GET /${list.join('')}`);

function matches(pattern: string, method: string, url: string): boolean {
  expect(globMistake(pattern), pattern).to.equal(undefined);
  return createMatch([{ pattern, pre: ['a'], post: [] }])(method, parseTarget(url)) !== undefined;
}

describe('matching', () => {
  it('is that of fnmatch', () => {
    fc.assert(
      fc.property(
        parts('a', 'b', '/', '.', '-', 'v1', '*', '**', '?', '[ab]', '[!a]', '[a-c]', '[^/]'),
        parts('a', 'b', 'c', '/', '.', '-', 'v1', '_'),
        (pattern, text) => compileGlob(pattern)(text) === fnmatch(pattern, text),
      ),
      { numRuns: 5_000 },
    );
  });

  const patterns = [
    '/containers/create',
    '/v1.45/containers/create',
    '/*/containers/create',
    '/v*/containers/create',
    '/v1.[0-9]?/containers/create',
  ];
  const calls = [
    '/containers/create',
    '/v1.41/containers/create',
    '/v1.45/containers/create?name=web',
    '/v01.041/containers/create',
    '/v1.41.0/containers/create',
    '/v1.41./containers/create',
    '/v1%2e41/containers/%63reate',
    '/v1.41%2fcontainers%2Fcreate',
    'http://evil/v1.41/containers/create',
    'HTTP://evil/containers/create?x=/..',
    'http:///containers/create',
    'http://evil#x/containers/create',
  ];
  for (const pattern of patterns) {
    for (const url of calls) {
      it(`POST ${pattern} is ${url}`, () => expect(matches(`POST ${pattern}`, 'POST', url)).to.equal(true));
    }
  }

  it('is not fooled by what dockerd does not execute', () => {
    for (const url of [
      '/containers/create/',
      '/Containers/create',
      '/containers/%2563reate',
      '/containers/create%3fx',
    ]) {
      expect(matches('POST /containers/create', 'POST', url), url).to.equal(false);
    }
  });

  it('takes the method as it is', () => {
    expect(matches('POST /containers/create', 'GET', '/containers/create')).to.equal(false);
    expect(matches('* /containers/create', 'GET', '/containers/create')).to.equal(true);
  });

  it('lets * match slashes, as container names may have them', () => {
    expect(matches('POST /containers/*/start', 'POST', '/v1.41/containers/a/b/start')).to.equal(true);
    expect(matches('GET /containers/*/json', 'GET', '/containers/json')).to.equal(false);
    expect(matches('DELETE /containers/*', 'DELETE', '/v1.41/containers/web?force=1')).to.equal(true);
  });

  it('runs the hooks of all matching endpoints in file order', () => {
    const match = createMatch([
      { pattern: 'POST /containers/*', pre: ['a'], post: [] },
      { pattern: 'GET /*', pre: ['x'], post: [] },
      { pattern: '* /v1.24/containers/create', pre: ['b', 'c'], post: ['d'] },
    ]);
    expect(match('POST', parseTarget('/containers/create'))).to.deep.equal({
      endpoint: 'POST /containers/*, * /v1.24/containers/create',
      pre: ['a', 'b', 'c'],
      post: ['d'],
    });
    expect(match('POST', parseTarget('/images/create'))).to.equal(undefined);
  });
});

describe('request targets', () => {
  it('go to Docker as they were sent, without scheme and authority', () => {
    expect(parseTarget('/v1.41/a%2Fb/../c?x=%2F#y').url).to.equal('/v1.41/a%2Fb/../c?x=%2F#y');
    expect(parseTarget('//containers/create').url).to.equal('//containers/create');
    expect(parseTarget('http://evil/a?b').url).to.equal('/a?b');
    expect(parseTarget('http://evil?b').url).to.equal('/?b');
    expect(parseTarget('*').url).to.equal('*');
    expect(parseTarget('').url).to.equal('/');
  });

  it('may have any escapes', () => {
    expect(parseTarget('/a%').path).to.equal('/a%');
    expect(parseTarget('/%zz%c3%a9%ff').path).to.equal('/%zzé\ufffd');
  });

  it('are too old before 1.24', () => {
    for (const version of ['1.23', '01.023', '1', '1.', '0.99', '.', '1.9.99'])
      expect(isTooOld(version), version).to.equal(true);
    for (const version of ['1.24', '1.041', '1.45.0', '1.24.', '2.0', '10'])
      expect(isTooOld(version), version).to.equal(false);
  });
});
