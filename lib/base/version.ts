import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The version in package.json, which is two folders above this source file and three above its build output. */
export const VERSION = readVersion();

function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
    } catch {
      // Not here: try the next place.
    }
  }
  return 'unknown';
}
