import { lstat, readdir, readlink, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';

/**
 * Removes a folder with everything in it; a mount point is only emptied. May be repeated.
 *
 * @returns the target of the link if the folder was a symbolic link: the target is left alone, as it may hold other things
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
