import type { Node } from 'jsonc-parser';
import { parseJson } from './tree.js';

/**
 * The value of `is`, written with the bytes of `was` wherever the two mean the same to a program that knows numbers
 * only as doubles. So an adapter may parse a body and serialize it again: what it did not touch keeps its order, its
 * numbers beyond 2^53 and its spelling.
 *
 * @param was JSON text; @param is JSON text
 * @throws AppError `invalid` when one of them is not
 */
export function keepUntouched(was: string, is: string): string {
  if (was === is) return was;
  return merge({ text: was, node: parseJson(was) }, { text: is, node: parseJson(is) });
}

interface Value {
  text: string;
  node: Node;
}

function merge(was: Value, is: Value): string {
  if (isSame(was.node, is.node, was.text, is.text)) return source(was);
  if (was.node.type !== is.node.type) return source(is);
  if (is.node.type === 'object') return mergeObjects(was, is);
  if (is.node.type === 'array') return mergeArrays(was, is);
  return source(is);
}

/** Existing fields stay in the old order; new ones follow. */
function mergeObjects(was: Value, is: Value): string {
  const before = lastOfEach(was.node);
  const after = lastOfEach(is.node);
  const fields: string[] = [];
  for (const { key, value } of fieldsOf(was.node)) {
    const now = after.get(key);
    if (!now) continue;
    const isLast = before.get(key) === value;
    const old = { text: was.text, node: value };
    // When a key is repeated, only the last one counts; the others stay as they are.
    fields.push(`${JSON.stringify(key)}:${isLast ? merge(old, { text: is.text, node: now }) : source(old)}`);
  }
  for (const [key, node] of after) {
    if (!before.has(key)) fields.push(`${JSON.stringify(key)}:${source({ text: is.text, node })}`);
  }
  return `{${fields.join(',')}}`;
}

/**
 * Items that are the same at the beginning and at the end were not touched; those between are merged one by one if
 * there are as many as before.
 */
function mergeArrays(was: Value, is: Value): string {
  const old = (was.node.children ?? []).map((node) => ({ text: was.text, node }));
  const now = (is.node.children ?? []).map((node) => ({ text: is.text, node }));
  const same = (a: Value | undefined, b: Value | undefined) =>
    a !== undefined && b !== undefined && isSame(a.node, b.node, a.text, b.text);
  let start = 0;
  while (same(old[start], now[start])) start++;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - start && same(old.at(-1 - tail), now.at(-1 - tail)))
    tail++;
  const items = now.map((value, index) => {
    if (index < start) return source(old[index]!);
    if (index >= now.length - tail) return source(old[index - now.length + old.length]!);
    return old.length === now.length ? merge(old[index]!, value) : source(value);
  });
  return `[${items.join(',')}]`;
}

function isSame(was: Node, is: Node, wasText: string, isText: string): boolean {
  if (was.type !== is.type) return false;
  if (was.type === 'number') {
    return isSameNumber(source({ text: wasText, node: was }), source({ text: isText, node: is }));
  }
  if (was.type === 'array') {
    const [a, b] = [was.children ?? [], is.children ?? []];
    return a.length === b.length && a.every((node, index) => isSame(node, b[index]!, wasText, isText));
  }
  if (was.type === 'object') {
    const [a, b] = [lastOfEach(was), lastOfEach(is)];
    return (
      a.size === b.size &&
      [...a].every(([key, node]) => {
        const other = b.get(key);
        return other !== undefined && isSame(node, other, wasText, isText);
      })
    );
  }
  return was.value === is.value;
}

/**
 * Beyond 2^53 many numbers are the same double; the old one was not touched if the new one is how the double is
 * written.
 */
function isSameNumber(was: string, is: string): boolean {
  if (was === is) return true;
  if (Number(was) !== Number(is)) return false;
  return Math.abs(Number(is)) <= Number.MAX_SAFE_INTEGER || /[.e]/i.test(is) || is === String(Number(was));
}

function source({ text, node }: Value): string {
  return text.slice(node.offset, node.offset + node.length);
}

function* fieldsOf(object: Node): Generator<{ key: string; value: Node }> {
  for (const { children: [key, value] = [] } of object.children ?? []) {
    if (key && value) yield { key: String(key.value), value };
  }
}

function lastOfEach(object: Node): Map<string, Node> {
  const last = new Map<string, Node>();
  for (const { key, value } of fieldsOf(object)) last.set(key, value);
  return last;
}
