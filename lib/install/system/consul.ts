import { join } from 'node:path';
import { AppError } from '../../base/errors.js';
import { reasonOf, type Run } from '../../os/exec.js';
import { packageRoot } from '../../base/paths.js';
import { FETCHED } from '../../os/which.js';

const FETCH_MS = 15 * 60_000;
const PROGRAM = join(FETCHED, 'consul');

export interface EnsureConsulOptions {
  run: Run;
  which: (command: string) => Promise<string | undefined>;
  /** Called before it is fetched, which takes a while. */
  onFetch: () => void;
}

/**
 * Makes sure that the program `consul`, which clusters need, is there, and returns its path. An existing one is used as it
 * is.
 *
 * @throws AppError `unavailable` where it cannot be fetched, saying what to do
 */
export async function ensureConsul({ run, which, onFetch }: EnsureConsulOptions): Promise<string> {
  const found = await which('consul');
  if (found !== undefined) return found;
  onFetch();
  try {
    await run([join(packageRoot(), 'lib/install/without-registry/consul-program'), PROGRAM], {
      timeout: FETCH_MS,
    });
    return PROGRAM;
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `Consul is missing, and ${reasonOf(cause)}: put the program \`consul\`, 1.8 or later, on the PATH (https://developer.hashicorp.com/consul/install)`,
      { cause },
    );
  }
}
