import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot } from '../base/paths.js';

/**
 * The libraries that the page imports: the address where the browser finds each, and its file for browsers, which lies beside
 * the one for Node. Nothing is fetched from another server.
 */
const MODULES = {
  preact: { url: '/modules/preact.js', file: 'preact.module.js' },
  'preact/jsx-runtime': { url: '/modules/jsx-runtime.js', file: 'jsxRuntime.module.js' },
};

const STATIC = join(packageRoot(), 'lib/ui/static');
export const PAGE = join(packageRoot(), 'dist/lib/ui/page');
export const STYLE = join(STATIC, 'style.css');
export const ICON = join(STATIC, 'icon.svg');

const importMap = JSON.stringify({
  imports: Object.fromEntries(Object.entries(MODULES).map(([name, { url }]) => [name, url])),
});

/** Hash of the import map, for the content security policy. */
export const MAP_HASH = `sha256-${createHash('sha256').update(importMap).digest('base64')}`;

export function readPage(): string {
  return readFileSync(join(STATIC, 'index.html'), 'utf8').replace(
    '<!-- import map -->',
    `<script type="importmap">${importMap}</script>`,
  );
}

/** The libraries' files, each with the address at which it is served. */
export function moduleFiles(): [url: string, file: string][] {
  const { resolve } = createRequire(import.meta.url);
  return Object.entries(MODULES).map(([name, { url, file }]) => [url, join(dirname(resolve(name)), file)]);
}
