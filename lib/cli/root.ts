import { fileURLToPath } from 'node:url';
import { AppError, messageOf } from '../base/errors.js';
import { runOnTerminal } from '../os/terminal-child.js';
import { which } from '../os/which.js';
import type { Context } from './context.js';
import { ExitStatus } from './exit-status.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** What a command may need from the user's environment; sudo drops everything else. */
const KEPT = [
  'PATH',
  'BOOTSTRAP',
  'SOCKETPLANE_AGENT',
  'SOCKETPLANE_COMMAND',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/**
 * Returns when the caller is root. Otherwise runs the same command again through `sudo`, and exits with its status.
 *
 * @param main the program's first file
 * @throws AppError `unavailable` where there is no sudo
 */
export async function becomeRoot(
  { uid, env, argv, command }: Pick<Context, 'uid' | 'env' | 'argv' | 'command'>,
  main = MAIN,
): Promise<void> {
  if (uid === 0) return;
  const sudo = await which('sudo');
  if (sudo === undefined) {
    const words = [command, ...argv].join(' ');
    throw new AppError('unavailable', `\`${words}\` needs root, and there is no sudo: run it as root`);
  }
  const settings = Object.entries({ ...env, SOCKETPLANE_COMMAND: command })
    .filter(([name, value]) => KEPT.includes(name) && value !== undefined)
    .map(([name, value]) => `${name}=${value}`);
  const status = await runOnTerminal([sudo, '--', 'env', ...settings, process.execPath, main, ...argv]).catch(
    (cause: unknown) => {
      throw new AppError('internal', `sudo: ${messageOf(cause)}`, { cause });
    },
  );
  throw new ExitStatus(status);
}
