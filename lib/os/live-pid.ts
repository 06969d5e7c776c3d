import { readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';

/** An interpreter and its options may stand before the program's name. */
const NAME_WITHIN = 3;

/**
 * The process that a pid file names, if it really is `program`: after a crash or a reboot the number may belong to any
 * other process.
 */
export async function livePid(file: string, program: string, proc = '/proc'): Promise<number | undefined> {
  const pid = await readPid(file);
  if (pid === undefined) return undefined;
  const argv = (await readFile(`${proc}/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const names = argv.slice(0, NAME_WITHIN).map((argument) => basename(argument));
  return names.includes(program) || names.includes(`${program}.js`) ? pid : undefined;
}

/** Removes a pid file whose process is gone, unless it has been written anew meanwhile. */
export async function removeStale(file: string, program: string): Promise<void> {
  if ((await livePid(file, program)) === undefined) await rm(file, { force: true });
}

async function readPid(file: string): Promise<number | undefined> {
  const text = (await readFile(file, 'utf8').catch(() => '')).trim();
  const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  // Neither nobody nor init.
  return pid > 1 ? pid : undefined;
}
