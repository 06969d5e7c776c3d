import { chmod, chown, lstat, mkdir, readFile, rmdir, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { AppError, hasCode, ignoreMissing, messageOf } from '../base/errors.js';
import { hostPaths } from '../base/paths.js';

/** `sun_path` without its terminating zero. Node would truncate a longer path and listen there. */
const LONGEST = 107;
const GROUP = 0o070;

/**
 * Listen on a unix socket that only root and the group `docker` can use (mode 0660; where there is no such group, that of
 * Docker's socket), or root alone with mode 0600. A socket file left behind by a dead process is replaced, and so is an empty directory.
 *
 * @throws AppError `conflict` when another process listens there, `unavailable` when the path cannot be used
 */
export async function listenUnix(server: Server, path: string, mode = 0o660): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST) {
    throw new AppError(
      'unavailable',
      `cannot listen on ${path}: the path of a socket has ${LONGEST} bytes at most`,
    );
  }
  if (await isListening(path)) {
    throw new AppError('conflict', `another process listens on ${path}: stop it first`);
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeStale(path);
    await bind(server, path);
    const group = (mode & GROUP) === 0 ? undefined : await dockerGroup();
    if (group !== undefined) await chown(path, 0, group);
    await chmod(path, mode);
  } catch (cause) {
    server.close();
    throw new AppError('unavailable', `cannot listen on ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** How many clients may connect at the same moment, as with dockerd; Node's default of 511 would refuse the rest. */
export const BACKLOG = 4_096;

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Nobody else may connect until the mode is set. The bind itself happens within the call.
    const umask = process.umask(0o177);
    server.listen({ path, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
    process.umask(umask);
  });
}

/**
 * Removes the socket of a process that has ended, or the empty directory that Docker makes when it starts a container
 * that mounts the socket before there is one.
 *
 * @throws Error where there is anything else: a mistyped path may be any file
 */
export async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreMissing);
  if (!found) return;
  if (found.isDirectory()) {
    await rmdir(path).catch(refuseDirectory);
    return;
  }
  if (!found.isSocket() && !found.isSymbolicLink()) {
    throw new Error('something that is not a socket is there: remove it, or listen elsewhere');
  }
  await unlink(path).catch(ignoreMissing);
}

function refuseDirectory(cause: unknown): void {
  if (hasCode(cause, 'ENOENT')) return;
  const what = hasCode(cause, 'EBUSY') ? 'a mount point' : 'a directory that is not empty';
  if (!hasCode(cause, 'EBUSY', 'ENOTEMPTY', 'EEXIST')) throw cause;
  throw new Error(`${what} is there: remove it, or listen elsewhere`, { cause });
}

/** Whether a process listens on a unix socket. One that does not accept the connection right now, or not from this process, is alive too. */
export async function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(hasCode(error, 'EAGAIN', 'EACCES', 'EPERM')));
  });
}

/** Inside a container, where the host's groups are unknown, Docker's own socket shows the group. */
async function dockerGroup(): Promise<number | undefined> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  const line = groups.split('\n').find((entry) => entry.startsWith('docker:'));
  if (line !== undefined) return Number(line.split(':')[2]);
  return stat(hostPaths.dockerSocket).then(
    ({ gid }) => gid,
    () => undefined,
  );
}
