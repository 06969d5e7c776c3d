import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../base/errors.js';
import { CommandError, reasonOf, type Run } from '../../os/exec.js';

const TIMEOUT_MS = 15 * 60_000;
const APT_GET = [
  'env',
  'DEBIAN_FRONTEND=noninteractive',
  'apt-get',
  '--quiet',
  '--yes',
  // Waits for another apt instead of failing at once, and never replaces configuration that someone has changed.
  '--option=DPkg::Lock::Timeout=120',
  '--option=Dpkg::Options::=--force-confdef',
  '--option=Dpkg::Options::=--force-confold',
] as const;

export interface Apt {
  install(packages: readonly string[]): Promise<void>;
  /** Downloads a package into a folder without installing it. */
  download(name: string, folder: string): Promise<void>;
}

/** Debian's and Ubuntu's package manager. Its output is kept in `log` when it fails. */
export function createApt({ run, log }: { run: Run; log: string }): Apt {
  const aptGet = (...args: string[]) => run([...APT_GET, ...args], { timeout: TIMEOUT_MS });

  async function keep(error: unknown): Promise<void> {
    const output = error instanceof CommandError ? error.output : String(error);
    await mkdir(dirname(log), { recursive: true, mode: 0o750 });
    await appendFile(log, `${output.trimEnd()}\n`, { mode: 0o640 });
  }

  /** Updates the package lists only when a first attempt has failed, because that takes time and is seldom needed. */
  async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (first) {
      await keep(first);
      try {
        await aptGet('update');
        await work();
      } catch (cause) {
        await keep(cause);
        throw new AppError('unavailable', `apt-get could not ${what}: ${reason(cause)} (log: ${log})`, {
          cause,
        });
      }
    }
  }

  return {
    install: (packages) =>
      attempt(`install ${packages.join(' ')}`, () =>
        aptGet('install', '--no-install-recommends', '--', ...packages),
      ),
    download: (name, folder) =>
      attempt(`fetch ${name}`, () =>
        // apt-get has no option for the folder.
        run(['env', `--chdir=${folder}`, ...APT_GET.slice(1), 'download', '--', name], {
          timeout: TIMEOUT_MS,
        }),
      ),
  };
}

/** The first error that apt-get printed, on a line that starts with `E: `. */
function reason(error: unknown): string {
  const lines = error instanceof CommandError ? error.output.split('\n') : [];
  return lines.find((line) => line.startsWith('E: '))?.slice('E: '.length) ?? reasonOf(error);
}
