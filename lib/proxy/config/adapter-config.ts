import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { duration } from '../../config/units.js';
import { parseAdapterUrl } from './adapter-url.js';

export interface ModuleFile {
  /** As the user wrote it. */
  text: string;
  /** Absolute path. */
  file: string;
  /** When it was last written, in milliseconds; a changed file is loaded again. */
  changed: number;
}

/** An entry of `adapters`: a URL or a module, alone or with settings. @param directory where relative paths start */
export function adapterConfig(directory: string) {
  const common = {
    /** Milliseconds until the adapter counts as failed; `limits.adapterTimeout` when not set. */
    timeout: duration.optional(),
    /** What happens to a call when the adapter is down, slow or gives an invalid answer. */
    onFailure: z.enum(['fail', 'ignore']).default('fail'),
  };
  const http = z.strictObject({
    url: adapterUrl,
    /** Version of the hook protocol. */
    protocol: z.union([z.literal(1), z.literal(2)], 'expected 1 or 2').default(1),
    /** A module that answers while nobody listens at the URL. */
    standIn: moduleFile(directory).optional(),
    ...common,
  });
  const inProcess = z.strictObject({
    module: moduleFile(directory),
    options: z.unknown().optional(),
    ...common,
  });
  return z.preprocess(spelledOut, z.unknown()).transform((value, context) => {
    const parsed = isModule(value) ? inProcess.safeParse(value) : http.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      // An adapter given as a string has no keys to name.
      const path =
        issue.path.length === 1 && ['url', 'module'].includes(String(issue.path[0])) ? [] : issue.path;
      context.issues.push({ code: 'custom', path, message: issue.message, input: value });
    }
    return z.NEVER;
  });
}

function spelledOut(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.includes(':') ? { url: value } : { module: value };
}

function isModule(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'module' in value;
}

const adapterUrl = z.string().transform((text, context) => {
  const parsed = parseAdapterUrl(text);
  if (parsed) return parsed;
  const message = 'expected a URL: http://…, https://… or http+unix://%2Fpath%2Fto%2Fsocket/…';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

function moduleFile(directory: string) {
  return z.string().transform((text, context): ModuleFile => {
    try {
      const file = locate(text, directory);
      return { text, file, changed: statSync(file).mtimeMs };
    } catch {
      const message = `cannot find ${text}: expected a module (./file.js, /path/file.js or a package's name) or a URL`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  });
}

/** @throws Error when there is no such package */
function locate(text: string, directory: string): string {
  if (/^\.{0,2}\//.test(text)) return resolve(directory, text);
  try {
    return createRequire(join(directory, 'proxy.yml')).resolve(text);
  } catch {
    // Modules that come with this package.
    return createRequire(import.meta.url).resolve(text);
  }
}
