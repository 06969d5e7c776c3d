import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WITH_PRIORITY, raiseSessionPriority } from '../../os/cpu-priority.js';
import { AppError, messageOf } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';
import type { HostPaths } from '../../base/paths.js';
import { succeeds } from '../../base/succeeds.js';
import type { Service } from './service.js';
import type { Systemd } from './systemd.js';
import { until } from '../../concurrency/until.js';

const UNIT = 'openvswitch-switch.service';
const RUNTIME = '/run/openvswitch';
const STATE = '/var/lib/openvswitch';
const DATABASE = `${STATE}/conf.db`;
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const SOCKET = `${RUNTIME}/db.sock`;
const START_MS = 120_000;

/**
 * The host's Open vSwitch. Without systemd its two daemons are started here rather than with its own `ovs-ctl`, which gives
 * up where the kernel module cannot be loaded, although the userspace datapath needs none.
 */
export function createOvsService(options: { run: Run; paths: HostPaths; systemd: Systemd }): Service {
  const { run, paths, systemd } = options;

  const database = () =>
    run(['ovs-vsctl', '--no-syslog', '--no-wait', '--timeout=3', 'get', 'Open_vSwitch', '.', '_uuid']);
  const daemon = () => run(['ovs-appctl', '--timeout=3', '--target=ovs-vswitchd', 'version']);
  async function check(): Promise<void> {
    await database();
    await daemon();
  }

  const answers = (probe: () => Promise<unknown>) => succeeds(probe());

  /** With `--detach`, the program returns when the daemon serves, or prints why it cannot. */
  async function start(program: string, ...own: string[]): Promise<void> {
    const log = join(paths.logs, `${program}.log`);
    // The same priority that Debian's own service gives it.
    const argv = [...WITH_PRIORITY, program, ...own] as const;
    try {
      await run([...argv, '--pidfile', '--detach', '--monitor', `--log-file=${log}`, '-vconsole:off'], {
        timeout: START_MS,
      });
    } catch (cause) {
      throw new AppError('unavailable', `Open vSwitch did not start: ${messageOf(cause)} (log: ${log})`, {
        cause,
      });
    }
    await raiseSessionPriority(Number(await readFile(`${RUNTIME}/${program}.pid`, 'utf8')));
  }

  async function startDatabase(): Promise<void> {
    if (!existsSync(DATABASE)) await run(['ovsdb-tool', 'create', DATABASE, SCHEMA]);
    const outdated = (await run(['ovsdb-tool', 'needs-conversion', DATABASE, SCHEMA])).trim() === 'yes';
    if (outdated) await run(['ovsdb-tool', 'convert', DATABASE, SCHEMA]);
    await start('ovsdb-server', DATABASE, `--remote=punix:${SOCKET}`);
    await run(['ovs-vsctl', '--no-syslog', '--no-wait', '--timeout=10', 'init']);
  }

  return {
    name: 'Open vSwitch',
    check,
    async start() {
      if (await systemd.has(UNIT)) {
        await systemd.do('start', UNIT);
      } else {
        // The kernel module is faster, but the userspace datapath works without it.
        await run(['modprobe', 'openvswitch']).catch(() => undefined);
        for (const folder of [RUNTIME, STATE, paths.logs])
          await mkdir(folder, { recursive: true, mode: 0o750 });
        if (!(await answers(database))) await startDatabase();
        if (!(await answers(daemon))) await start('ovs-vswitchd', `unix:${SOCKET}`);
      }
      await until(check, { timeout: START_MS });
    },
  };
}
