import type { ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from './namespace.js';
import { command, tail, until } from './process.js';

const OVSDB = '/var/lib/openvswitch/conf.db';
const ALWAYS_EXITED = -1;

/** One host: its namespaces, its files, its daemons. All default paths inside it are its own. */
export type Host = ReturnType<typeof createHost>;

export interface HostOptions {
  name: string;
  address: string;
  namespace: Namespace;
  /** Folder under which the host's own directories lie. */
  state: string;
  cgroup: string;
}

export function createHost({ name, address, namespace, state, cgroup }: HostOptions) {
  const daemons = new Map<string, ChildProcess>();
  const file = (path: string) => join(state, path);

  async function start(daemon: string, argv: string[], env?: Record<string, string>): Promise<void> {
    if (isRunning(daemon)) return;
    const log = await open(file(`/run/lab-${daemon}.log`), 'a');
    const stdio = ['ignore', log.fd, log.fd] as const;
    daemons.set(daemon, namespace.spawn(argv, { stdio: [...stdio], env }));
    await log.close();
  }

  function isRunning(daemon: string): boolean {
    const child = daemons.get(daemon);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** The daemon's own process: `nsenter --pid` stays outside as its parent. */
  async function pidOf(daemon: string): Promise<number> {
    const outside = daemons.get(daemon)?.pid ?? ALWAYS_EXITED;
    const children = await readFile(`/proc/${outside}/task/${outside}/children`, 'utf8').catch(() => '');
    return Number(children.trim().split(' ')[0]) || outside;
  }

  async function stop(daemon: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = daemons.get(daemon);
    if (!child || !isRunning(daemon)) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    process.kill(await pidOf(daemon), signal);
    await gone;
    daemons.delete(daemon);
  }

  async function ready(daemon: string, probe: string[]): Promise<void> {
    try {
      await until(`${daemon} on ${name}`, async () => {
        if (!isRunning(daemon)) throw new Error('it exited');
        return (await namespace.run(probe, { reject: false, timeout: 5_000 })).exitCode === 0;
      });
    } catch (cause) {
      throw new Error(`${String(cause)}\n${await tail(file(`/run/lab-${daemon}.log`))}`, { cause });
    }
  }

  const host = {
    name,
    address,
    /** Parent of all cgroups of the host; the lab removes it. */
    cgroup,
    namespace,
    /** Where a path inside the host lies outside. */
    file,
    run: namespace.run,
    spawn: namespace.spawn,
    start,
    stop,
    ready,
    isRunning,
    pidOf,
    /** The `docker` command on the real socket. */
    docker: (...args: string[]) => namespace.run(['docker', '-H', 'unix:///run/docker.sock', ...args]),

    async startDocker(...flags: string[]): Promise<void> {
      const socket = ['-H', 'unix:///run/docker.sock'];
      await start('dockerd', ['dockerd', ...socket, '--cgroup-parent', cgroup, ...flags]);
      await ready('dockerd', ['docker', '-H', 'unix:///run/docker.sock', 'version']);
    },
    async startOvs(): Promise<void> {
      const exists = await readFile(file(OVSDB)).then(
        () => true,
        () => false,
      );
      if (!exists) {
        await namespace.run(['ovsdb-tool', 'create', OVSDB, '/usr/share/openvswitch/vswitch.ovsschema']);
      }
      await start('ovsdb-server', [
        'ovsdb-server',
        OVSDB,
        '--remote=punix:/run/openvswitch/db.sock',
        '--pidfile',
      ]);
      await ready('ovsdb-server', ['ovs-vsctl', '--no-wait', 'init']);
      await host.startVswitchd();
    },
    async startVswitchd(): Promise<void> {
      await start('ovs-vswitchd', ['ovs-vswitchd', 'unix:/run/openvswitch/db.sock', '--pidfile']);
      await ready('ovs-vswitchd', ['ovs-appctl', 'version']);
    },
    /** `busybox:latest`, made of the static busybox of this machine. */
    async importBusybox(): Promise<void> {
      await command([
        'bash',
        join(import.meta.dirname, '../../lib/install/busybox-image'),
        file('/run/busybox.tar'),
      ]);
      await host.docker('import', '-c', 'CMD ["sh"]', '/run/busybox.tar', 'busybox:latest');
    },
    async destroy(): Promise<void> {
      await namespace.destroy();
    },
  };
  return host;
}
