import { AppError, messageOf } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';
import type { HostPaths } from '../../base/paths.js';
import { succeeds } from '../../base/succeeds.js';
import type { Systemd } from '../../install/system/systemd.js';
import type { AgentAndProxy, DaemonParts } from './types.js';
import { findProcess, isProgram } from '../../os/pid-file.js';
import { keepsEnding } from './keeps-ending.js';
import { waitReady } from './ready.js';

/** Agent and proxy as systemd units. */
export function unitDaemons(
  paths: HostPaths,
  systemd: Systemd,
  run: Run,
  parts: DaemonParts,
  units: string[],
): Omit<AgentAndProxy, 'stopConsul'> {
  const isActive = () => succeeds(run(['systemctl', 'is-active', '--quiet', ...units]));
  const part = (
    name: string,
    pidFile: string,
    program: string,
    ready: () => Promise<void>,
    unit: string,
  ) => ({
    name,
    log: `journalctl --unit ${unit}`,
    pid: () => findProcess(pidFile, isProgram(program)),
    ready,
  });
  const all = [
    part('agent', paths.agentPid, 'socketplaned', () => parts.agentReady(true), units[0] ?? ''),
    part('proxy', paths.proxyPid, 'powerstrip', parts.proxyReady, units[1] ?? ''),
  ].slice(0, units.length);
  return {
    all,
    async start() {
      const ran = await isActive();
      const giveUp = await keepsEnding(run, units);
      await systemd.do('start', ...units);
      await waitReady(parts, giveUp).catch((cause: unknown) => {
        const what = `agent and proxy are not ready: ${messageOf(cause)}`;
        throw new AppError('unavailable', `${what} (journalctl --unit ${units.join(' --unit ')})`, { cause });
      });
      return ran ? 'running' : 'started';
    },
    async stop() {
      const ran = await isActive();
      await systemd.do('stop', ...units);
      return ran ? 'stopped' : 'not running';
    },
    logs: (lines, follow) => [
      [
        'journalctl',
        [
          '--no-pager',
          `--lines=${lines}`,
          ...(follow ? ['--follow'] : []),
          ...units.flatMap((unit) => ['--unit', unit]),
        ],
      ],
    ],
  };
}
