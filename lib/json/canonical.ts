import type { Edit, Node } from 'jsonc-parser';
import { AppError } from '../base/errors.js';
import { fold, isEmpty, leaf, type Misplaced, type Shape } from './shape.js';
import { splice } from './splice.js';
import { parseJson } from './tree.js';

/**
 * A JSON body rewritten so that every reader understands it the same way. Go, in which dockerd is written, matches
 * field names in any case, merges objects that appear twice, and ignores a null after a value; a hook does none of
 * that. So keys are spelled as in `shape`, and text that can be read in more than one way is refused. All other bytes
 * stay as they are.
 *
 * @param root the text's syntax tree, if it is there already
 * @throws AppError `invalid`
 */
export function canonicalJson(text: string, shape: Shape = leaf, root = parseJson(text)): string {
  const edits: Edit[] = [];
  walk(root, shape, [], edits);
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
 * Without a HostConfig, dockerd takes its fields from the enclosing object, even one that says `[]`. With one, it still
 * takes the few in `always` from there, if they say something, and the others have no effect.
 */
function checkPlace(
  key: string,
  value: Node,
  { inside, fields, always, oldName }: Misplaced,
  hasInside: boolean,
): void {
  const folded = fold(key);
  const name = folded === oldName.key ? oldName.field : fields.get(folded);
  if (name === undefined || value.type === 'null') return;
  if (hasInside && !always.has(folded) && folded !== oldName.key) return;
  if ((hasInside || folded === oldName.key) && isEmpty(value)) return;
  throw new AppError('invalid', `the body of a call with hooks has ${key}: expected ${inside}.${name}`);
}

/** Whether there is an object under this key, in upper or lower case. */
function hasObject({ children = [] }: Node, key: string): boolean {
  return children.some(
    ({ children: [name, content] = [] }) =>
      fold(String(name?.value)) === fold(key) && content?.type === 'object',
  );
}

/** Whether every reader reads a repeated key the same way, by its last value. */
function isOneReading(before: string, key: string, value: Node, shape: Shape, field?: Shape): boolean {
  if (before !== key || value.type === 'null') return false;
  if (shape.kind === 'map') return true;
  return (field === undefined || field.kind === 'leaf') && value.type !== 'object' && value.type !== 'array';
}
