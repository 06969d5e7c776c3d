import type { Edit, Node } from 'jsonc-parser';
import { AppError } from '../base/errors.js';
import { fold, leaf, type Misplaced, type Shape } from './shape.js';
import { splice } from './splice.js';
import { parseJson } from './tree.js';

/**
 * A JSON body rewritten so that every reader understands it the same way. Go, in which dockerd is written, matches
 * field names in any case, merges objects that appear twice, and ignores a null after a value; a hook does none of
 * that. So keys are spelled as in `shape`, and text that can be read in more than one way is refused. All other bytes
 * stay as they are.
 *
 * @throws AppError `invalid`
 */
export function canonicalJson(text: string, shape: Shape = leaf): string {
  const edits: Edit[] = [];
  walk(parseJson(text), shape, [], edits);
  return edits.length === 0 ? text : splice(text, edits);
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

/** Go reads half a surrogate pair (`\\ud800`) as U+FFFD, so two keys could become one; other readers keep it. */
function checkCharacters(text: string): void {
  if (text.isWellFormed()) return;
  throw new AppError('invalid', 'the body of a call with hooks has an escape for half a character');
}

/**
 * Without a HostConfig, dockerd takes its fields from the enclosing object. With one, it still takes the few in
 * `always` from there, and the others have no effect. Empty values have no effect either, and many clients send them.
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

/** Whether there is an object under this key, in upper or lower case. */
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

/** Whether every reader reads a repeated key the same way, by its last value. */
function isOneReading(before: string, key: string, value: Node, shape: Shape, field?: Shape): boolean {
  if (before !== key || value.type === 'null') return false;
  if (shape.kind === 'map') return true;
  return (field === undefined || field.kind === 'leaf') && value.type !== 'object' && value.type !== 'array';
}
