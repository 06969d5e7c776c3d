import type { Edit, Node } from 'jsonc-parser';
import { fold } from './shape.js';

/** A member of an object: `"Memory": 1`. */
export interface JsonMember {
  node: Node;
  /** Its name, folded. */
  key: string;
  value: Node;
}

/** None, if the node is not an object. */
export function membersOf({ type, children = [] }: Node): JsonMember[] {
  if (type !== 'object') return [];
  return children.flatMap((node) => {
    const [name, value] = node.children ?? [];
    return name && value ? [{ node, key: fold(String(name.value)), value }] : [];
  });
}

/**
 * Edits that take members out of an object and add others behind those that stay.
 *
 * @param members all that the object has
 * @param added as JSON text
 */
export function exchange(
  object: Node,
  members: JsonMember[],
  gone: Set<JsonMember>,
  added: string[],
): Edit[] {
  const starts = members.map(({ node }) => node.offset);
  const ends = members.map(({ node }) => node.offset + node.length);
  const firstKept = members.findIndex((member) => !gone.has(member));
  const lastKept = members.findLastIndex((member) => !gone.has(member));
  const edits: Edit[] = [];
  if (added.length > 0) {
    const offset = ends[lastKept] ?? object.offset + 1;
    edits.push({ offset, length: 0, content: (lastKept < 0 ? '' : ',') + added.join(',') });
  }
  members.forEach((member, index) => {
    if (!gone.has(member)) return;
    // Each takes a comma with it: the one in front, or the one behind if everything in front goes too.
    const isInFront = firstKept < 0 || index < firstKept;
    const from = isInFront ? starts[index]! : ends[index - 1]!;
    const to = isInFront ? (starts[index + 1] ?? ends[index]!) : ends[index]!;
    edits.push({ offset: from, length: to - from, content: '' });
  });
  return edits;
}
