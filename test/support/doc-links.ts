import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readDoc, ROOT } from './doc-blocks.js';

/** A document without its code, in which neither links nor headings are what they look like. */
const prose = (text: string) =>
  text
    .replaceAll(/^```[^]*?^```$/gm, '')
    .replaceAll(/`[^`\n]+`/g, (code) => code.replaceAll(/[[\]()]/g, ' '));

/** The anchors that GitHub gives a document's headings; the second heading with the same words ends in `-1`. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading.replaceAll(/\]\([^)]*\)/g, '').toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/**
 * Links in a document to files or headings of this repository that do not exist.
 *
 * @param document path from the root
 * @param text its content, if different from the file's
 */
export function brokenLinks(document: string, text = readDoc(document)): string[] {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? document : join(dirname(document), path);
    if (path !== '' && !existsSync(join(ROOT, file))) return true;
    if (anchor === undefined) return false;
    const target = path === '' ? text : readFileSync(join(ROOT, file), 'utf8');
    return !anchorsOf(target).has(anchor);
  });
}

/** Files and folders of this repository that a document names but that do not exist. `*`, `…` or capitals make a pattern. */
export function missingPaths(document: string, text = readDoc(document)): string[] {
  const named = [...text.matchAll(/`((?:adapters|bin|docs|lib|test)\/[a-z\d./_-]+)`/g)].map(
    ([, path]) => path!,
  );
  return named.filter((path) => !existsSync(join(ROOT, path)));
}
