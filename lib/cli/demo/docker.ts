import { AppError } from '../../base/errors.js';
import { reasonOf, type Run } from '../../os/exec.js';
import { dockerEnvironment } from '../docker/command.js';
import type { Context } from '../context.js';

const TIMEOUT_MS = 300_000;

/** The stock client through the proxy: the demo shows what users can type themselves. */
export interface DemoDocker {
  /** Returns its output. @throws AppError with the reason that docker gave */
  quiet(...args: string[]): Promise<string>;
  /** The same, with the command and its output shown. */
  shown(...args: string[]): Promise<void>;
}

export function createDemoDocker(context: Context, run: Run, say: (text: string) => void): DemoDocker {
  async function quiet(...args: string[]): Promise<string> {
    try {
      return await run(['docker', ...args], { env: dockerEnvironment(context), timeout: TIMEOUT_MS });
    } catch (cause) {
      const log = `${context.paths.logs}/agent.log`;
      throw new AppError('internal', `docker ${args[0] ?? ''}: ${reasonOf(cause)} (log: ${log})`, { cause });
    }
  }

  return {
    quiet,
    async shown(...args) {
      say(`   $ docker ${args.map(quoted).join(' ')}`);
      for (const line of (await quiet(...args)).split('\n')) say(`   ${line}`);
    },
  };
}

/** As one would type it in a shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
