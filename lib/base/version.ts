import { readFileSync } from 'node:fs';

/** The version in package.json, which is two folders above this source file and three above its build output. */
export const VERSION = readVersion();

// Without a schema: loading zod takes longer than the plugin process takes for all else, and Docker waits for it.
function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      const { version } = JSON.parse(text) as { version: unknown };
      if (typeof version === 'string') return version;
    } catch {
      // Not here: try the next place.
    }
  }
  return 'unknown';
}
