import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../errors.js';

/** Removes a folder with all that is in it; one that a file system is mounted on is emptied. May be repeated. */
export async function removeFolder(folder: string): Promise<void> {
  try {
    for (const entry of await readdir(folder))
      await rm(join(folder, entry), { recursive: true, force: true });
    await rmdir(folder);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EBUSY')) throw error;
  }
}
