import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { AppError, messageOf } from '../../base/errors.js';
import type { Adapter, AdapterModule, Setup } from '../../hook/module.js';
import type { ModuleFile } from '../config/adapter-config.js';

const hook = z.function().optional();
const shape = z
  .object({ pre: hook, post: hook, unwind: hook, close: hook })
  .refine(({ pre, post }) => pre ?? post, { error: 'neither pre nor post is a function' });

/** Start and reload wait for a module; without a limit they could hang silently. */
const START_MS = 30_000;

/**
 * The adapter that a module exports by default.
 *
 * @param limit how many milliseconds it may take to be ready
 * @throws AppError `invalid` that names adapter and file, whatever goes wrong
 */
export async function loadModule(file: ModuleFile, setup: Setup, limit = START_MS): Promise<Adapter> {
  const made = importModule(file, setup);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // An adapter that becomes ready after all is too late.
      made.then((adapter) => adapter.close?.()).catch(() => undefined);
      reject(failure(setup, file.text)(`was not ready within ${limit} ms`));
    }, limit);
  });
  return Promise.race([made, late]).finally(() => clearTimeout(timer));
}

async function importModule({ text, file, changed }: ModuleFile, setup: Setup): Promise<Adapter> {
  const fail = failure(setup, text);
  let exported: { default?: AdapterModule };
  try {
    const url = pathToFileURL(file);
    url.searchParams.set('changed', String(changed));
    exported = (await import(url.href)) as { default?: AdapterModule };
  } catch (cause) {
    throw fail(`cannot be loaded: ${messageOf(cause)}`, cause);
  }
  if (exported.default === undefined) throw fail('has no default export');
  return makeHooks(exported.default, text, setup);
}

/**
 * The adapter itself, checked to be an adapter.
 *
 * @param text what messages call the module
 * @throws AppError `invalid` that names adapter and module
 */
export async function makeHooks(module: AdapterModule, text: string, setup: Setup): Promise<Adapter> {
  const fail = failure(setup, text);
  let adapter: Adapter;
  try {
    adapter = typeof module === 'function' ? await module(setup) : module;
  } catch (cause) {
    throw fail(whatIsWrong(cause), cause);
  }
  const parsed = shape.safeParse(adapter);
  if (!parsed.success) throw fail(`is not an adapter: ${parsed.error.issues[0]?.message}`);
  return adapter;
}

function failure({ name }: Setup, text: string) {
  return (what: string, cause?: unknown) =>
    new AppError('invalid', `adapter ${name} (${text}): ${what}`, { cause });
}

const schemaError = z.object({
  issues: z.array(z.object({ path: z.array(z.union([z.string(), z.number()])), message: z.string() })).min(1),
});

/**
 * Adapters validate their options with a schema, perhaps from another copy of the library, whose error message is a
 * whole JSON document.
 */
function whatIsWrong(cause: unknown): string {
  const issue = schemaError.safeParse(cause).data?.issues[0];
  return issue ? `${['options', ...issue.path].join('.')}: ${issue.message}` : messageOf(cause);
}
