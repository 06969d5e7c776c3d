import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { KEEPER_VARIABLE } from '../../base/paths.js';
import { byKeeper } from './start-by-keeper.js';
import { asProcess } from './start-as-process.js';
import type { ConsulStarter } from './starter.js';

/**
 * How Consul is started here. Whoever manages the agent ends with it whatever it has started, wherever that has put itself in another
 * session: systemd ends a unit's control group, and Docker a container's. So Consul gets one of its own.
 */
export function consulStarter(
  env: NodeJS.ProcessEnv,
  systemd = existsSync('/run/systemd/system'),
): ConsulStarter {
  const requests = env[KEEPER_VARIABLE];
  if (requests !== undefined) return byKeeper(requests);
  // systemd sets the variable for what it runs as a unit.
  return asProcess(systemd && env['INVOCATION_ID'] !== undefined ? inScope : () => []);
}

/** The command that runs another in a control group of its own, and becomes it. */
function inScope(): string[] {
  return [
    ...['systemd-run', '--scope', '--quiet', '--collect'],
    // A name that was used a moment ago may not be free yet.
    `--unit=socketplane-consul-${randomBytes(4).toString('hex')}`,
    "--description=SocketPlane's Consul",
    // As the agent's unit.
    '--property=CPUWeight=400',
    // When the host shuts down, the agent ends first.
    '--property=Before=socketplane-agent.service',
    '--',
  ];
}
