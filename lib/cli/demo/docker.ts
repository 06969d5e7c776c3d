import { execa } from 'execa';
import { AppError } from '../../base/errors.js';
import { dockerEnvironment } from '../docker/command.js';
import type { Context } from '../context.js';

const TIMEOUT_MS = 60_000;

/** The stock client, through the proxy. */
export interface DemoDocker {
  /** Its output. Throws AppError with docker's own words. */
  quiet(...args: string[]): Promise<string>;
  /** The same, with the command and its output shown. */
  shown(...args: string[]): Promise<void>;
}

export function createDemoDocker(context: Context, say: (text: string) => void): DemoDocker {
  async function quiet(...args: string[]): Promise<string> {
    const { stdout, stderr, failed, timedOut } = await execa('docker', args, {
      env: dockerEnvironment(context),
      extendEnv: false,
      stdin: 'ignore',
      timeout: TIMEOUT_MS,
      reject: false,
    });
    if (!failed) return stdout;
    const said = stderr.trim().split('\n').at(-1) ?? '';
    const why = timedOut ? `did not end within ${TIMEOUT_MS / 1000} s` : said || 'failed';
    throw new AppError('internal', `docker ${args[0] ?? ''}: ${why} (log: ${context.paths.logs}/agent.log)`);
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
