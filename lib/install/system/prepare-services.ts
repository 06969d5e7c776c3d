import { join } from 'node:path';
import type { Run } from '../../os/exec.js';
import { createApt, type Apt } from './apt.js';
import { findDependencies } from './deps.js';
import { createDockerService } from './docker-service.js';
import { createOvsService } from './ovs-service.js';
import { installMissing } from './packages.js';
import type { HostPaths } from '../../base/paths.js';
import { ensureRunning } from './service.js';
import type { Systemd } from './systemd.js';
import { which } from '../../os/which.js';

export interface PrepareOptions {
  run: Run;
  systemd: Systemd;
  paths: HostPaths;
  say: (text: string) => void;
}

/** This system's apt-get, if it has one. */
export async function aptOf({ run, paths }: Pick<PrepareOptions, 'run' | 'paths'>): Promise<Apt | undefined> {
  return (await which('apt-get')) === undefined
    ? undefined
    : createApt({ run, log: join(paths.logs, 'apt.log') });
}

/** Installs the programs that are missing, and makes sure that Docker and Open vSwitch run. */
export async function prepareServices(options: PrepareOptions): Promise<void> {
  const { run, systemd, paths, say } = options;
  const installed = await installMissing({
    find: () =>
      findDependencies({ run, which: (command) => which(command), dockerSocket: paths.dockerSocket }),
    apt: await aptOf(options),
    onInstall: (packages) => say(`installing ${packages.join(' ')} …`),
  });
  if (installed.length === 0) say('all programs are already installed');
  for (const service of [
    createDockerService({ paths, systemd }),
    createOvsService({ run, paths, systemd }),
  ]) {
    const started = await ensureRunning(service);
    say(`${service.name} ${started ? 'started' : 'is already running, and is used as it is'}`);
  }
}
