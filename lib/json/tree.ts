import { parseTree, type Node, type ParseError } from 'jsonc-parser';
import { AppError } from '../base/errors.js';

/** Levels of the tree: an object has two, its fields and their values. Docker's own bodies have about twenty. */
const MAX_LEVELS = 1000;

/**
 * The syntax tree of one JSON value, strictly by the standard.
 *
 * @throws AppError `invalid`
 */
export function parseJson(text: string): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  } catch (cause) {
    // The parser recurses; a body nested deeply enough exhausts the stack.
    if (!(cause instanceof RangeError)) throw cause;
    throw new AppError('invalid', 'the body is nested too deeply', { cause });
  }
  if (!root || errors.length > 0) throw new AppError('invalid', 'the body is not valid JSON');
  // Code that walks the tree may recurse too.
  if (isDeeper(root, MAX_LEVELS)) throw new AppError('invalid', 'the body is nested too deeply');
  return root;
}

function isDeeper(root: Node, levels: number): boolean {
  let nodes = [root];
  for (let level = 0; level < levels && nodes.length > 0; level++) {
    const next: Node[] = [];
    for (const { children = [] } of nodes) for (const child of children) next.push(child);
    nodes = next;
  }
  return nodes.length > 0;
}

export type Path = (string | number)[];

/** When a key is repeated the last one counts, as it does for every reader of JSON. */
export function findNode(root: Node, path: Path): Node | undefined {
  let node: Node | undefined = root;
  for (const step of path) {
    if (typeof step === 'number') node = node?.type === 'array' ? node.children?.[step] : undefined;
    else if (node?.type !== 'object') return undefined;
    else node = node.children?.findLast(({ children: [key] = [] }) => key?.value === step)?.children?.[1];
  }
  return node;
}
