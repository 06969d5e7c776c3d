import { open } from 'node:fs/promises';
import { AppError, messageOf } from '../../base/errors.js';
import { tryLock } from '../../os/file-lock.js';

/** Exists on every host, and is left as it is. */
const FOLDER = '/run';

/**
 * Does work that changes an install while no other process does. The lock ends with this process, however that ends.
 *
 * @throws AppError `conflict` where another process holds it
 */
export async function withHostLock<T>(work: () => Promise<T>, folder = FOLDER): Promise<T> {
  const handle = await open(folder);
  try {
    const locked = await tryLock(handle).catch((cause: unknown) => {
      throw new AppError('unavailable', `flock: ${messageOf(cause)}`, { cause });
    });
    if (!locked) {
      throw new AppError(
        'conflict',
        'another install, uninstall or clean is running on this host: try again when it has ended',
      );
    }
    return await work();
  } finally {
    await handle.close();
  }
}
