import { isUtf8 } from 'node:buffer';
import type { Node } from 'jsonc-parser';
import { parseJson } from './tree.js';
import { AppError } from '../base/errors.js';
import { shapeOf } from '../docker-api/bodies.js';
import { fold, leaf, type Misplaced, type Shape } from './shape.js';

interface Edit {
  offset: number;
  length: number;
  content: string;
}

/**
 * A JSON body as every reader reads it. dockerd finds fields in any case, merges objects that come twice, and keeps a value
 * that is followed by null; a hook does none of that. So keys are written as Docker's documents spell them, and
 * what cannot be read in one way is refused. All other bytes stay as they are.
 *
 * @throws AppError `invalid`
 */
export function canonicalJson(text: string, shape: Shape = leaf): string {
  const edits: Edit[] = [];
  walk(parseJson(text), shape, [], edits);
  if (edits.length === 0) return text;
  let result = '';
  let end = 0;
  for (const { offset, length, content } of edits) {
    result += text.slice(end, offset) + content;
    end = offset + length;
  }
  return result + text.slice(end);
}

/** {@link canonicalJson} for the body of a call; the very same bytes where nothing had to change. */
export function canonicalBody(method: string, path: string, body: Buffer): Buffer {
  // Every reader would put other characters in the place of the broken ones.
  if (!isUtf8(body)) throw new AppError('invalid', 'the body is not valid UTF-8');
  const text = body.toString();
  const canonical = canonicalJson(text, shapeOf(method, path));
  return canonical === text ? body : Buffer.from(canonical);
}

function walk(node: Node, shape: Shape, path: string[], edits: Edit[]): void {
  const children = node.children ?? [];
  if (node.type === 'string') checkCharacters(String(node.value));
  if (node.type === 'array') {
    for (const child of children) walk(child, shape.kind === 'list' ? shape.items : leaf, path, edits);
    return;
  }
  if (node.type !== 'object') return;
  const seen = new Map<string, string>();
  const misplaced = shape.kind === 'struct' ? shape.misplaced : undefined;
  const hasInside = misplaced !== undefined && hasObject(node, misplaced.inside);
  for (const { children: [keyNode, value] = [] } of children) {
    if (!keyNode || !value) continue;
    const key = String(keyNode.value);
    checkCharacters(key);
    const field = shape.kind === 'struct' ? shape.fields.get(fold(key)) : undefined;
    if (misplaced) checkPlace(key, value, misplaced, hasInside);
    const id = field ? `field ${field.name}` : `key ${key}`;
    const before = seen.get(id);
    if (before !== undefined && !isOneReading(before, key, value, shape, field?.shape)) {
      throw new AppError(
        'invalid',
        `the body of a call with hooks says ${[...path, field?.name ?? key].join('.')} twice`,
      );
    }
    seen.set(id, key);
    if (field && field.name !== key) {
      edits.push({ offset: keyNode.offset, length: keyNode.length, content: JSON.stringify(field.name) });
    }
    const inner = field?.shape ?? (shape.kind === 'map' ? shape.values : leaf);
    walk(value, inner, [...path, field?.name ?? key], edits);
  }
}

/** Half a character (`\\ud800`) is U+FFFD to Docker, so that two keys could be one; to others it is itself. */
function checkCharacters(text: string): void {
  if (text.isWellFormed()) return;
  throw new AppError('invalid', 'the body of a call with hooks has an escape for half a character');
}

/**
 * Where there is no HostConfig, dockerd takes its fields from the object around it; where there is one, those few that are
 * `always` taken, and the rest has no effect. Neither has a value that is empty, as many clients send.
 */
function checkPlace(
  key: string,
  value: Node,
  { inside, fields, always }: Misplaced,
  hasInside: boolean,
): void {
  const name = fields.get(fold(key));
  if (name === undefined || isEmpty(value)) return;
  if (hasInside && !always.has(fold(key))) return;
  throw new AppError('invalid', `the body of a call with hooks has ${key}: expected ${inside}.${name}`);
}

/** Whether there is an object under this key, in any case. */
function hasObject({ children = [] }: Node, key: string): boolean {
  return children.some(
    ({ children: [name, content] = [] }) =>
      fold(String(name?.value)) === fold(key) && content?.type === 'object',
  );
}

function isEmpty({ type, value, children }: Node): boolean {
  if (type === 'object' || type === 'array') return !children?.length;
  return value === null || value === false || value === 0 || value === '';
}

/** Whether a key that comes twice is read alike by everybody: the last one counts. */
function isOneReading(before: string, key: string, value: Node, shape: Shape, field?: Shape): boolean {
  if (before !== key || value.type === 'null') return false;
  if (shape.kind === 'map') return true;
  return (field === undefined || field.kind === 'leaf') && value.type !== 'object' && value.type !== 'array';
}
