import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A block of code in a document. */
export interface DocBlock {
  language: string;
  /** What follows the language, invisible to readers. */
  info: string;
  /** A file's name, where the first line gives one: `# proxy.yml`, `// guard.mjs`. */
  file: string | undefined;
  text: string;
  /** Number of its first line in the document. */
  line: number;
}

export const readDoc = (document: string) => readFileSync(join(ROOT, document), 'utf8');

export function docBlocks(document: string): DocBlock[] {
  const text = readDoc(document);
  return [...text.matchAll(/^```(\w+)(?: (.*))?\n([^]*?)^```$/gm)].map((match) => ({
    language: match[1]!,
    info: match[2] ?? '',
    file: /^(?:#|\/\/) ([\w.-]+\.\w+)$/m.exec(match[3]!.split('\n', 1)[0]!)?.[1],
    text: match[3]!,
    line: text.slice(0, match.index).split('\n').length + 1,
  }));
}
