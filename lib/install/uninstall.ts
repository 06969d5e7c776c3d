import { removeDatapath } from '../datapath/remove.js';
import type { Run } from '../os/exec.js';
import { createInstalledContainers } from './containers/install-containers.js';
import { removeLogs } from './files/remove-logs.js';
import { createInstalledUnits } from './units/install-units.js';
import { removePrograms } from './files/programs.js';
import { removeInstallRecord } from './files/install-record.js';
import { removeFolder } from './files/remove-folder.js';
import type { HostPaths } from '../base/paths.js';
import { removeShellFiles } from './files/shell-files.js';
import type { Systemd } from './system/systemd.js';

export interface UninstallOptions {
  run: Run;
  systemd: Systemd;
  paths: HostPaths;
  bridge: string;
  /** Whether Docker answers. */
  hasDocker: boolean;
  /** Stops daemons that run neither as containers nor as units. */
  stopProcesses: () => Promise<unknown>;
}

/** Removes whatever there is of an install, complete or not; settings, networks and built images stay. May be repeated. */
export async function uninstall(options: UninstallOptions): Promise<void> {
  const { run, systemd, paths, bridge, hasDocker, stopProcesses } = options;
  if (hasDocker) await createInstalledContainers(run, paths.dockerSocket).removeAll();
  await createInstalledUnits(run, systemd).removeAll();
  await stopProcesses();
  await removeDatapath(run, bridge);
  await removeFolder('/run/socketplane');
  await removeLogs(paths.logs);
  await removeShellFiles();
  await removePrograms();
  // Last, so that an interrupted uninstall can be repeated.
  await removeInstallRecord(paths.installRecord);
}
