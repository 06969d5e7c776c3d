import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { AppError, messageOf } from '../base/errors.js';

/**
 * Read and validate a YAML file.
 *
 * @throws AppError `notFound` when there is no such file; `invalid` with one message that names the file, the line, the
 *   path in it and what was expected, for every mistake in it
 */
export async function readYaml<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('notFound', `cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
  return parseYaml(file, text, schema);
}

/** {@link readYaml} for text that has already been read. */
export function parseYaml<T>(file: string, text: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [syntaxError] = document.errors;
  if (syntaxError) {
    throw invalid(`${file}:${lines.linePos(syntaxError.pos[0]).line}: ${syntaxError.message}`);
  }
  // An empty file sets nothing.
  const parsed = schema.safeParse(valueOf(file, document) ?? {});
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(({ path, message }) => {
    const line = lineOf(document, lines, path);
    return `${file}${line === undefined ? '' : `:${line}`}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`;
  });
  throw invalid(mistakes.join('; '));
}

/** Aliases are resolved only here: one may refer to nothing, or expand to too much. */
function valueOf(file: string, document: Document): unknown {
  try {
    return document.toJS() as unknown;
  } catch (cause) {
    throw invalid(`${file}: ${messageOf(cause)}`, cause);
  }
}

/** Always one line, even when a key in the file has several. */
function invalid(message: string, cause?: unknown): AppError {
  return new AppError('invalid', message.replace(/[\r\n\u2028\u2029]+/g, ' '), { cause });
}

/** The line of the nearest node at or above the path that is in the file. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (node && typeof node === 'object' && 'range' in node && Array.isArray(node.range)) {
      return lines.linePos(Number(node.range[0])).line;
    }
  }
  return undefined;
}
