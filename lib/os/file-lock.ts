import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';

/**
 * Locks an open file or folder, unless another process holds the lock. Node has no call for flock(2); the program `flock`
 * locks what was opened here, so the lock remains when that program has ended, and is released when the handle is closed or
 * this process ends.
 *
 * @throws the system's error when `flock` is not installed
 */
export async function tryLock({ fd }: FileHandle): Promise<boolean> {
  const flock = spawn('flock', ['--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  return new Promise((resolve, reject) => {
    flock.once('error', reject);
    flock.once('exit', (status) => resolve(status === 0));
  });
}
