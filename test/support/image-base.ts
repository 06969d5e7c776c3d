import { createRun } from '../../lib/os/exec.js';
import { ensureDebianBase } from '../../lib/install/without-registry/debian-base.js';
import { silentLog } from '../../lib/base/log.js';

/**
 * Makes sure that the base for images is on this machine, because no lab host reaches package sources. To be called before
 * the lab is made, whose hosts have what the machine has at that moment.
 */
export async function needImageBase(): Promise<void> {
  await ensureDebianBase({ run: createRun(silentLog), say: () => undefined });
}
