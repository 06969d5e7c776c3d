import { open, readFile, type FileHandle } from 'node:fs/promises';
import { AppError, hasCode } from '../../base/errors.js';
import { shortId } from '../../base/short-id.js';

/** An open network namespace: `path` names it for child processes until it is closed, whatever its process does. */
export interface Netns {
  path: string;
  close(): Promise<void>;
}

/**
 * Opens the network namespace of a container's process. The file is opened before the process is checked: once it is
 * open, it does no harm if the process id is reused.
 *
 * @throws AppError `notFound` when the process has ended or is not the container's
 */
export type OpenNetns = (pid: number, container: string) => Promise<Netns>;

export const openNetns: OpenNetns = async (pid, container) => {
  const gone = (cause?: unknown) =>
    new AppError('notFound', `container ${shortId(container)} does not run any more`, { cause });
  let file: FileHandle | undefined;
  try {
    file = await open(`/proc/${pid}/ns/net`);
    if (isForeign(await readFile(`/proc/${pid}/cgroup`, 'utf8'), container)) throw gone();
    const { fd } = file;
    const handle = file;
    return { path: `/proc/${process.pid}/fd/${fd}`, close: () => handle.close() };
  } catch (cause) {
    await file?.close();
    if (hasCode(cause, 'ENOENT', 'ESRCH')) throw gone(cause);
    throw cause;
  }
};

/**
 * Whether the control groups of a process belong to another container. With a private cgroup namespace they may name no
 * container at all, which proves nothing.
 */
function isForeign(cgroups: string, container: string): boolean {
  const named: string[] = cgroups.match(/[0-9a-f]{64}/g) ?? [];
  return named.length > 0 && !named.includes(container);
}
