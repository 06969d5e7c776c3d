import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostPaths } from '../../base/paths.js';
import type { Run } from '../../os/exec.js';
import { PROGRAMS } from '../files/programs.js';
import type { InstallRecord } from '../files/install-record.js';
import { UNIT_MS, type Systemd } from '../system/systemd.js';
import { AGENT_UNIT, PLUGIN_UNIT, PROXY_UNIT, unitFiles } from './unit-files.js';

const FOLDER = '/etc/systemd/system';
const WANTED_BY = ['multi-user.target', 'docker.service'];
/** Those that need others first. */
const NAMES = [PLUGIN_UNIT, AGENT_UNIT, PROXY_UNIT];

/** The units of an install. */
export function createInstalledUnits(run: Run, systemd: Systemd, folder = FOLDER) {
  const path = (name: string) => join(folder, name);
  const read = (name: string) => readFile(path(name), 'utf8').catch(() => undefined);

  async function remove(name: string): Promise<boolean> {
    if ((await read(name)) === undefined) return false;
    if (systemd.booted) await run(['systemctl', 'disable', '--now', name], { timeout: UNIT_MS });
    // The links that enabled it, which systemctl would remove if systemd were running.
    else for (const by of WANTED_BY) await rm(path(`${by}.wants/${name}`), { force: true });
    await rm(path(name), { force: true });
    return true;
  }

  return {
    /** Returns whether anything changed; if so, the units have been restarted. */
    async arrange(record: InstallRecord, isNew: boolean): Promise<boolean> {
      const files = unitFiles(record, PROGRAMS, hostPaths.proxyConfig);
      let changed = isNew;
      for (const name of NAMES) {
        const text = files[name];
        if (text === undefined) changed = (await remove(name)) || changed;
        else if ((await read(name)) !== text) {
          await mkdir(folder, { recursive: true });
          await writeFile(path(name), text);
          changed = true;
        }
      }
      if (!changed) return false;
      await run(['systemctl', 'daemon-reload']);
      const names = Object.keys(files);
      await run(['systemctl', 'enable', ...names]);
      await systemd.do('restart', ...names);
      return true;
    },
    async removeAll(): Promise<void> {
      let removed = false;
      for (const name of NAMES.toReversed()) removed = (await remove(name)) || removed;
      if (removed && systemd.booted) await run(['systemctl', 'daemon-reload']);
    },
  };
}
