import { createRun } from '../../os/exec.js';
import { readInstallRecord } from '../../install/files/install-record.js';
import { createSystemd } from '../../install/system/systemd.js';
import { silentLog } from '../../base/log.js';
import type { AgentClient } from '../agent/client.js';
import type { Context } from '../context.js';
import { createDaemons } from './create.js';
import type { Daemons } from './types.js';

/** The daemons of this host, however they were installed. */
export async function daemonsOf(context: Context, agent: AgentClient): Promise<Daemons> {
  const run = createRun(silentLog);
  const record = await readInstallRecord(context.paths.installRecord);
  return createDaemons({ context, agent, run, systemd: createSystemd(run), record });
}
