import { parseTree, type Node } from 'jsonc-parser';
import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalBody } from '../../../../lib/docker-api/canonical-body.js';
import { AppError } from '../../../../lib/base/errors.js';
import { fuzz, patience } from '../../../support/fuzz/settings.js';

const SECONDS = 6;

/** The part of Docker's create body that these tests write: objects that are structs, `map` for free keys, null for all else. */
type Fields = Map<string, Fields | 'map' | null>;
const HOST: Fields = new Map<string, Fields | 'map' | null>([
  ['Privileged', null],
  ['Memory', null],
  ['Binds', null],
  ['Sysctls', 'map'],
]);
const CREATE: Fields = new Map<string, Fields | 'map' | null>([
  ['Image', null],
  ['Cmd', null],
  ['Labels', 'map'],
  ['HostConfig', HOST],
]);
/** Docker also reads fields of HostConfig here. */
const DOCKER: Fields = new Map([...CREATE, ...HOST]);

/** The simple folding of Unicode, as far as it leads to ASCII. */
const fold = (key: string) =>
  key
    .replace(/\u017f/g, 's')
    .replace(/\u212a/g, 'k')
    .replace(/[A-Z]/g, (c) => c.toLowerCase());

/** A value as Go decodes it into what was there before: structs and maps merge, null changes nothing. */
function decode(node: Node, fields: Fields | 'map' | null, before: unknown): unknown {
  if (fields === null || node.type !== 'object') return node.type === 'null' ? before : plain(node);
  const object = new Map<string, unknown>(before instanceof Map ? before : []);
  for (const { children: [key, value] = [] } of node.children ?? []) {
    const name = String(key?.value);
    if (fields === 'map') object.set(name, plain(value!));
    else {
      const field = [...fields.keys()].find((one) => fold(one) === fold(name));
      if (field === undefined) continue;
      const decoded = decode(value!, fields.get(field) ?? null, object.get(field));
      if (decoded === undefined) object.delete(field);
      else object.set(field, decoded);
    }
  }
  return object;
}

function plain({ type, value, children = [] }: Node): unknown {
  return type === 'object' || type === 'array' ? JSON.stringify(children.map(plain)) : (value as unknown);
}

function asDocker(text: string): unknown {
  const top = decode(parseTree(text)!, DOCKER, undefined) as Map<string, unknown>;
  const inside = top.get('HostConfig');
  const above = new Map([...top].filter(([key]) => HOST.has(key)));
  for (const key of above.keys()) top.delete(key);
  // All of them count without a HostConfig; with one, a few do where it says nothing.
  if (inside === undefined && above.size > 0) top.set('HostConfig', above);
  if (inside instanceof Map && !says(inside.get('Memory')) && says(above.get('Memory'))) {
    top.set('HostConfig', new Map([...(inside as Map<string, unknown>), ['Memory', above.get('Memory')]]));
  }
  return sorted(top);
}

const says = (value: unknown) => value !== undefined && value !== '' && value !== 0 && value !== '[]';

function sorted(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  const entries = [...(value as Map<string, unknown>)].map(([key, inner]) => [key, sorted(inner)] as const);
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a hook sees that does not know of folding or merging. */
function asHook(text: string): unknown {
  const pick = (value: unknown, fields: Fields | 'map' | null): unknown => {
    if (
      fields === null ||
      fields === 'map' ||
      typeof value !== 'object' ||
      value === null ||
      Array.isArray(value)
    )
      return value;
    const own = value as Record<string, unknown>;
    return Object.fromEntries(
      [...fields].flatMap(([name, inner]) =>
        Object.hasOwn(own, name) ? [[name, pick(own[name], inner)]] : [],
      ),
    );
  };
  return pick(JSON.parse(text), CREATE);
}

const letter = (key: string) =>
  fc
    .array(fc.constantFrom('', 'upper', 'lower', 'escape', 'fold'), {
      minLength: key.length,
      maxLength: key.length,
    })
    .map((ways) =>
      [...key]
        .map((c, index) => {
          switch (ways[index]) {
            case 'upper':
              return c.toUpperCase();
            case 'lower':
              return c.toLowerCase();
            case 'escape':
              return `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
            case 'fold':
              return /s/i.test(c) ? '\u017f' : /k/i.test(c) ? '\u212a' : c;
            default:
              return c;
          }
        })
        .join(''),
    );
const spelled = (...names: string[]) =>
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, fc.constantFrom(...names).chain(letter));
const simple = fc.constantFrom(
  'true',
  'null',
  '9223372036854775807',
  '1.0',
  '1e2',
  '"x"',
  '"\\u00e9"',
  '[]',
  '["a",1]',
  '{}',
  '""',
  '0',
);
const object = (fields: fc.Arbitrary<[string, string]>) =>
  fc
    .array(fields, { maxLength: 4 })
    .map((all) => `{${all.map(([key, value]) => `"${key}": ${value}`).join(',')}}`);
const labels = object(
  fc.tuple(fc.constantFrom('a', 'A', '__proto__', '\\u0061'), fc.constantFrom('"1"', '"2"')),
);
const host = object(
  fc.oneof(
    fc.tuple(spelled('Privileged', 'Memory', 'Binds', 'Future'), simple),
    fc.tuple(spelled('Sysctls'), labels),
  ),
);
const body = object(
  fc.oneof(
    fc.tuple(spelled('Image', 'Cmd', 'Future', 'Privileged', 'Memory', 'Binds'), simple),
    fc.tuple(spelled('Labels', 'Sysctls'), labels),
    fc.tuple(spelled('HostConfig'), fc.oneof(host, host, simple)),
  ),
);

describe('whatever JSON a client sends', function () {
  this.timeout(patience(SECONDS));

  it('what a hook sees is what Docker makes of it, before and after', () => {
    let taken = 0;
    fc.assert(
      fc.property(body, (text) => {
        let canonical: string;
        try {
          canonical = canonicalBody('POST', '/containers/create', Buffer.from(text)).toString();
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          return;
        }
        taken++;
        expect(asDocker(canonical)).to.deep.equal(asDocker(text));
        expect(asDocker(JSON.stringify(asHook(canonical)))).to.deep.equal(asDocker(text));
      }),
      fuzz(4000, SECONDS),
    );
    expect(taken).to.be.greaterThan(500);
  });
});
