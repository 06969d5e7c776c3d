import { chmod, mkdir, rename, stat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { AppError, ignoreMissing, messageOf } from '../base/errors.js';
import { isListening, listenUnix, removeStale } from '../os/listen-unix.js';

/**
 * Listens where Docker looks for plugins, for root only. A socket file that a dead process left is replaced.
 *
 * @returns a function that ends listening and removes the socket, unless another process has put its own there
 * @throws AppError `conflict` when another process listens there, `unavailable` when the path cannot be used
 */
export async function holdSocket(server: Server, path: string): Promise<() => Promise<void>> {
  if (await isListening(path)) {
    throw new AppError('conflict', `another process listens on ${path}: stop it first`);
  }
  await makeFolder(dirname(path));
  // Node removes the path it listened on when it ends, whoever listens there by then. So it never knows the real one.
  const own = `${path}.${process.pid}`;
  await removeStale(path).catch((cause: unknown) => {
    throw new AppError('unavailable', `cannot listen on ${path}: ${messageOf(cause)}`, { cause });
  });
  await listenUnix(server, own, 0o600);
  await rename(own, path);
  const { ino } = await stat(path);
  return async () => {
    if ((await stat(path).catch(ignoreMissing))?.ino === ino) await unlink(path).catch(ignoreMissing);
    server.close();
    server.closeAllConnections();
  };
}

/** On a host where Docker has not run yet; the folder above is for root only, as Docker itself makes it. */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 });
  if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o755);
}
