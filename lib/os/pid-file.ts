import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Whether a process with this command line is the one being looked for. */
export type MatchArgv = (argv: readonly string[]) => boolean;

/** Writes this process's id; the returned function removes the file again, unless another process has taken it over. */
export async function writePidFile(file: string): Promise<() => Promise<void>> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${process.pid}\n`);
  return async () => {
    if ((await readPid(file)) === process.pid) await rm(file, { force: true });
  };
}

/**
 * The id of the process that a pid file names, if it runs and its command line matches: after a crash or a reboot the
 * number may belong to any other process.
 */
export async function findProcess(
  file: string,
  matches: MatchArgv,
  proc = '/proc',
): Promise<number | undefined> {
  const pid = await readPid(file);
  if (pid === undefined) return undefined;
  const text = await readFile(`${proc}/${pid}/cmdline`, 'utf8').catch(() => '');
  return matches(text.split('\0')) ? pid : undefined;
}

/** Removes a pid file whose process is gone, unless it has been rewritten in the meantime. */
export async function removeStalePidFile(file: string, matches: MatchArgv): Promise<void> {
  if ((await findProcess(file, matches)) === undefined) await rm(file, { force: true });
}

/** An interpreter and its options may precede the program's name. */
const NAME_WITHIN = 3;

/** Matches a program by its name, even when an interpreter runs it: `node /opt/socketplane/dist/lib/socketplaned.js`. */
export function isProgram(program: string): MatchArgv {
  return (argv) => {
    const names = argv.slice(0, NAME_WITHIN).map((argument) => basename(argument));
    return names.includes(program) || names.includes(`${program}.js`);
  };
}

async function readPid(file: string): Promise<number | undefined> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  // 0 and 1 stand for a group of processes and for init: neither may ever be signalled.
  return pid > 1 ? pid : undefined;
}
