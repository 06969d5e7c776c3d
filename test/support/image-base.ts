import { createRun } from '../../lib/os/exec.js';
import { ensureDebianBase } from '../../lib/install/without-registry/debian-base.js';
import { silentLog } from '../../lib/base/log.js';

/**
 * Sees that what images are built on is there, on this machine: no host of a lab reaches package sources. Before the lab is made,
 * whose hosts have what is there then.
 */
export async function needImageBase(): Promise<void> {
  await ensureDebianBase({ run: createRun(silentLog), say: () => undefined });
}
