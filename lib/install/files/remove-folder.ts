import { lstat, readdir, readlink, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';

/**
 * Removes a folder with all that is in it; one that a file system is mounted on is emptied. May be repeated.
 *
 * @returns where a symbolic link in its place led, which is left as it is: what else lies there is not known here
 */
export async function removeFolder(folder: string): Promise<string | undefined> {
  try {
    if ((await lstat(folder)).isSymbolicLink()) {
      const target = await readlink(folder);
      await rm(folder);
      return target;
    }
    for (const entry of await readdir(folder))
      await rm(join(folder, entry), { recursive: true, force: true });
    await rmdir(folder);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EBUSY')) throw error;
  }
  return undefined;
}
