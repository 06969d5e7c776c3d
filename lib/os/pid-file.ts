import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Write this process's id; the returned function removes the file again, unless another process has taken it over. */
export async function writePidFile(file: string): Promise<() => Promise<void>> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${process.pid}\n`);
  return async () => {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (Number(text) === process.pid) await rm(file, { force: true });
  };
}
