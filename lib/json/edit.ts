import { getNodeValue, type Node } from 'jsonc-parser';
import { AppError } from '../base/errors.js';
import { findNode, parseJson, type Path } from './tree.js';

/**
 * A JSON text that is changed in place: everything that is not set keeps its bytes, so unknown fields, the order of
 * keys and numbers beyond 2^53 survive.
 */
export interface JsonText {
  /** The value at the path as JavaScript sees it; undefined when there is none. */
  get(path: Path): unknown;
  /** Replace or add a value. Missing objects on the way are added. Each path may be set once. */
  set(path: Path, value: unknown): void;
  toString(): string;
}

/** @throws AppError `invalid` when the text is not JSON. */
export function editJson(text: string): JsonText {
  const root = parseJson(text);
  const edits: { offset: number; length: number; content: string }[] = [];
  /** How many properties were added to an object, to know where a comma goes. */
  const additions = new Map<Node, number>();

  function add(object: Node, key: string, value: unknown): void {
    const before = (object.children?.length ?? 0) + (additions.get(object) ?? 0);
    additions.set(object, (additions.get(object) ?? 0) + 1);
    const content = `${before > 0 ? ',' : ''}${JSON.stringify(key)}:${JSON.stringify(value)}`;
    edits.push({ offset: object.offset + object.length - 1, length: 0, content });
  }

  function set(path: Path, value: unknown): void {
    const node = findNode(root, path);
    if (node) {
      edits.push({ offset: node.offset, length: node.length, content: JSON.stringify(value) });
      return;
    }
    const parentPath = path.slice(0, -1);
    const key = path.at(-1);
    const parent = findNode(root, parentPath);
    if (typeof key !== 'string' || (path.length === 1 && parent?.type !== 'object')) {
      throw new AppError('invalid', `the body has no ${path.join('.')}`);
    }
    if (parent?.type === 'object') add(parent, key, value);
    else set(parentPath, { [key]: value });
  }

  return {
    get(path) {
      const node = findNode(root, path);
      return node && (getNodeValue(node) as unknown);
    },
    set,
    toString() {
      let result = '';
      let end = 0;
      for (const edit of edits.toSorted((a, b) => a.offset - b.offset)) {
        result += text.slice(end, edit.offset) + edit.content;
        end = edit.offset + edit.length;
      }
      return result + text.slice(end);
    },
  };
}
