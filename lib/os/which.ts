import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { succeeds } from '../base/succeeds.js';

/** Where daemons and network tools are installed. The PATH of ordinary users, and of root after `su`, leaves them out. */
const SYSTEM = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** Programs that were fetched for SocketPlane alone; `clean` removes them with the rest of its state. */
export const FETCHED = '/var/lib/socketplane/bin';

export function withSystemFolders(path = ''): string {
  const folders = path.split(delimiter).filter(Boolean);
  return [...folders, ...[...SYSTEM, FETCHED].filter((folder) => !folders.includes(folder))].join(delimiter);
}

/** The first executable of this name on the PATH. */
export async function which(command: string, path = process.env['PATH'] ?? ''): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const file = join(folder, command);
    const runs = await succeeds(access(file, constants.X_OK));
    if (runs) return file;
  }
  return undefined;
}
