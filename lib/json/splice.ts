import type { Edit } from 'jsonc-parser';

/**
 * The text with all edits made; every byte outside them stays as it is. Edits must not overlap; those at the same
 * offset are made in the order given.
 *
 * jsonc-parser's own `applyEdits` gives the same result, but copies the whole text for each edit. The client decides
 * how many edits a body needs, and 5,000 of them, in 150 KB of JSON, kept the process busy for 15 seconds.
 */
export function splice(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let end = 0;
  for (const { offset, length, content } of edits.toSorted((a, b) => a.offset - b.offset)) {
    parts.push(text.slice(end, offset), content);
    end = offset + length;
  }
  return parts.join('') + text.slice(end);
}
