import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../base/paths.js';

/** Where shells and `man` look for files that belong to a program. */
const BASH = '/usr/share/bash-completion/completions/socketplane';
const ZSH = '/usr/share/zsh/vendor-completions/_socketplane';
const MAN = '/usr/share/man/man1/socketplane.1';

/**
 * Writes the command's completion and manual page, replacing those of an earlier version.
 *
 * @param completion the script for each shell
 */
export async function installShellFiles(completion: Record<'bash' | 'zsh', string>): Promise<void> {
  await write(BASH, completion.bash);
  await write(ZSH, completion.zsh);
  await write(MAN, await readFile(join(packageRoot(), 'docs/socketplane.1'), 'utf8'));
}

export async function removeShellFiles(): Promise<void> {
  for (const file of [BASH, ZSH, MAN]) await rm(file, { force: true });
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o644 });
}
