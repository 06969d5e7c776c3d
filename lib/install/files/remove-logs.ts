import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';

const OWN_LOGS = ['agent.log', 'proxy.log', 'plugin.log', 'apt.log'];

/**
 * Removes SocketPlane's logs. Those of a Docker or Open vSwitch that was started here stay, as these keep running and writing
 * to them. May be repeated.
 */
export async function removeLogs(folder: string): Promise<void> {
  for (const name of OWN_LOGS) await rm(join(folder, name), { force: true });
  try {
    await rmdir(folder);
  } catch (error) {
    // A file system may be mounted on it.
    if (!hasCode(error, 'ENOENT', 'EBUSY', 'ENOTEMPTY')) throw error;
  }
}
