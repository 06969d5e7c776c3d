import { getNodeValue, type Edit, type Node } from 'jsonc-parser';
import { AppError } from '../base/errors.js';
import { splice } from './splice.js';
import { findNode, parseJson, type Path } from './tree.js';

/**
 * A JSON text that is edited in place: whatever is not set keeps its bytes, so unknown fields, the order of keys and numbers
 * beyond 2^53 survive.
 */
export interface JsonText {
  /** The value at the path as JavaScript sees it; undefined when there is none. */
  get(path: Path): unknown;
  /** Replaces or adds a value, and adds the objects that are missing on the way to it. Each path may be set once. */
  set(path: Path, value: unknown): void;
  toString(): string;
}

/** @throws AppError `invalid` when the text is not JSON. */
export function editJson(text: string): JsonText {
  const root = parseJson(text);
  const edits: Edit[] = [];
  /** How many properties were added to each object, which tells where a comma is needed. */
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
    toString: () => splice(text, edits),
  };
}
