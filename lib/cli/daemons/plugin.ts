import { join } from 'node:path';
import { AppError, messageOf } from '../../base/errors.js';
import { until } from '../../concurrency/until.js';
import { PLUGIN_UNIT } from '../../install/units/unit-files.js';
import type { Systemd } from '../../install/system/systemd.js';
import type { Run } from '../../os/exec.js';
import { findProcess, isProgram } from '../../os/pid-file.js';
import { activatePlugin } from '../../plugin/activate.js';
import type { Context } from '../context.js';
import { createDaemon } from './process.js';
import { keepsEnding } from './keeps-ending.js';
import { READY_MS, telling } from './ready.js';
import type { DaemonParts, PluginDaemon } from './types.js';

/** Name of its program, as `ps` shows it. */
const PROGRAM = 'plugin-socket';

/**
 * The process that holds Docker's plugin socket: a systemd unit where `install` has made one, else a process. It is never a
 * container, because Docker asks for it before it starts any.
 *
 * @param parts among them the folder that holds its program
 */
export async function pluginDaemon(
  { paths, env }: Context,
  systemd: Systemd,
  run: Run,
  { root, tell }: Pick<DaemonParts, 'root' | 'tell'>,
): Promise<PluginDaemon> {
  const ready = () => activatePlugin(paths.pluginSocket);
  const pid = () => findProcess(paths.pluginPid, isProgram(PROGRAM));
  if (!(await systemd.has(PLUGIN_UNIT))) {
    const log = join(paths.logs, 'plugin.log');
    const daemon = createDaemon({
      name: 'plugin',
      program: PROGRAM,
      argv: [join(root, 'bin/socketplane-plugin'), '--pid-file', paths.pluginPid],
      pidFile: paths.pluginPid,
      log,
      env,
      ready,
      tell,
    });
    return {
      ...daemon,
      logs: (lines, follow) => [
        'tail',
        ['--verbose', `--lines=${lines}`, ...(follow ? ['--follow=name', '--retry'] : []), '--', log],
      ],
    };
  }
  const log = `journalctl --unit ${PLUGIN_UNIT}`;
  return {
    name: 'plugin',
    log,
    pid,
    ready,
    async start() {
      const ran = (await pid()) !== undefined;
      await systemd.do('start', PLUGIN_UNIT);
      const giveUp = await keepsEnding(run, [PLUGIN_UNIT]);
      await until(telling('plugin process', ready, tell), { timeout: READY_MS, giveUp }).catch(
        (cause: unknown) => {
          throw new AppError('unavailable', `the plugin process is not ready: ${messageOf(cause)} (${log})`, {
            cause,
          });
        },
      );
      return !ran;
    },
    async stop() {
      const ran = (await pid()) !== undefined;
      await systemd.do('stop', PLUGIN_UNIT);
      return ran;
    },
    logs: (lines, follow) => [
      'journalctl',
      ['--no-pager', `--lines=${lines}`, ...(follow ? ['--follow'] : []), '--unit', PLUGIN_UNIT],
    ],
  };
}
