import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { AppError, messageOf } from '../../base/errors.js';

/** There on every host, and left as it is. */
const FOLDER = '/run';

/**
 * Does what changes an install, while nobody else does. The lock goes with this process, however that ends.
 *
 * @throws AppError `conflict` where another process holds it
 */
export async function withHostLock<T>(work: () => Promise<T>, folder = FOLDER): Promise<T> {
  const handle = await open(folder);
  try {
    // It locks what was opened here, so the lock stays when it has ended.
    const flock = spawn('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', handle.fd] });
    const status = await new Promise<number | null>((resolve, reject) => {
      flock.once('error', (cause) =>
        reject(new AppError('unavailable', `flock: ${messageOf(cause)}`, { cause })),
      );
      flock.once('exit', resolve);
    });
    if (status !== 0) {
      throw new AppError(
        'conflict',
        'another install, uninstall or clean is at work on this host: try again when it has ended',
      );
    }
    return await work();
  } finally {
    await handle.close();
  }
}
