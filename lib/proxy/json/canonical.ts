import { parseTree, type Node, type ParseError } from 'jsonc-parser';
import { Refusal } from '../refusal.js';
import { shapeOf } from './bodies.js';
import { fold, leaf, type Shape } from './shape.js';

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
 * @throws Refusal 400
 */
export function canonicalJson(text: string, shape: Shape = leaf): string {
  const edits: Edit[] = [];
  walk(parse(text), shape, [], edits);
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
  const text = body.toString();
  const canonical = canonicalJson(text, shapeOf(method, path));
  return canonical === text ? body : Buffer.from(canonical);
}

function parse(text: string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (cause) {
    // The parser recurses.
    if (!(cause instanceof RangeError)) throw cause;
    throw new Refusal(400, 'the body of a call with hooks is nested too deeply', { cause });
  }
  if (!root || errors.length > 0) throw new Refusal(400, 'the body of a call with hooks is not valid JSON');
  return root;
}

function walk(node: Node, shape: Shape, path: string[], edits: Edit[]): void {
  const children = node.children ?? [];
  if (node.type === 'array') {
    for (const child of children) walk(child, shape.kind === 'list' ? shape.items : leaf, path, edits);
    return;
  }
  if (node.type !== 'object') return;
  const seen = new Map<string, string>();
  for (const { children: [keyNode, value] = [] } of children) {
    if (!keyNode || !value) continue;
    const key = String(keyNode.value);
    const field = fieldOf(shape, key, path);
    const id = field ? `field ${field.name}` : `key ${key}`;
    const before = seen.get(id);
    if (before !== undefined && !isOneReading(before, key, value, shape, field?.shape)) {
      throw new Refusal(
        400,
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

function fieldOf(shape: Shape, key: string, path: string[]) {
  if (shape.kind !== 'struct') return undefined;
  const folded = fold(key);
  const field = shape.fields.get(folded);
  const place = field ? undefined : shape.elsewhere?.get(folded);
  if (place)
    throw new Refusal(
      400,
      `the body of a call with hooks has ${[...path, key].join('.')}: expected ${place}`,
    );
  return field;
}

/** Whether a key that comes twice is read alike by everybody: the last one counts. */
function isOneReading(before: string, key: string, value: Node, shape: Shape, field?: Shape): boolean {
  if (before !== key || value.type === 'null') return false;
  if (shape.kind === 'map') return true;
  return (field === undefined || field.kind === 'leaf') && value.type !== 'object' && value.type !== 'array';
}
