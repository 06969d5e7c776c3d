import type { ChildProcess } from 'node:child_process';
import { copyFile, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../lib/base/errors.js';
import { busyboxTar } from './busybox-tar.js';
import type { Lan } from './lan.js';
import type { Namespace } from './namespace.js';
import { ovsOn } from './ovs.js';
import { tail } from './process.js';
import { ask, type Asked } from '../support/ask.js';
import { until } from '../support/until.js';

const ALWAYS_EXITED = -1;
/** A daemon that takes this long has failed: daemons start beside others on a busy machine. */
const START_MS = 120_000;
const PROBE_MS = 10_000;
const ASK_MS = 120_000;
/** Made by `init` when everything is mounted. */
const READY = 'lab-ready';

/** One host: its namespaces, its files, its daemons. All default paths inside it are its own. */
export type Host = Awaited<ReturnType<typeof bootHost>>;

export interface HostOptions {
  name: string;
  address: string;
  lan: Lan;
  /** Folder that contains the host's own directories. */
  state: string;
  cgroup: string;
  /** Makes the host's namespaces, with its first process in them. */
  boot: () => Promise<Namespace>;
}

/** How a daemon shows that it serves: a command that succeeds, an answer on a socket of the host's, or a condition. */
type Probe = string[] | { socket: string; path: string } | (() => Promise<boolean>);

/** A host that is up, with an address on the LAN and without daemons. */
export async function bootHost(options: HostOptions) {
  const host = createHost(options);
  await host.reboot();
  return Object.assign(host, ovsOn(host));
}

export function createHost({ name, address, lan, state, cgroup, boot }: HostOptions) {
  const daemons = new Map<string, ChildProcess>();
  let current: Namespace | undefined;
  const file = (path: string) => join(state, path);

  function namespace(): Namespace {
    if (!current) throw new Error(`host ${name} is down`);
    return current;
  }

  const run: Namespace['run'] = (argv, options) => namespace().run(argv, options);
  const spawn: Namespace['spawn'] = (argv, options) => namespace().spawn(argv, options);

  async function start(daemon: string, argv: string[], env?: Record<string, string>): Promise<void> {
    if (isRunning(daemon)) return;
    const log = await open(file(`/run/lab-${daemon}.log`), 'a');
    const stdio = ['ignore', log.fd, log.fd] as const;
    // Gets a session of its own, as from any service manager: the kernel divides the processor between sessions.
    daemons.set(daemon, spawn(['setsid', ...argv], { stdio: [...stdio], env }));
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

  /** Sends an HTTP request to a unix socket of the host's, from here: a process in the host would cost far more. */
  function askSocket(socket: string, method: string, path: string, body?: string): Promise<Asked> {
    return ask({ socketPath: file(socket), signal: AbortSignal.timeout(ASK_MS) }, method, path, { body });
  }

  function isReady(probe: Probe): Promise<boolean> {
    if (typeof probe === 'function') return probe();
    if ('socket' in probe)
      return askSocket(probe.socket, 'GET', probe.path).then(({ status }) => status < 400);
    return run(probe, { reject: false, timeout: PROBE_MS }).then(({ exitCode }) => exitCode === 0);
  }

  async function ready(daemon: string, probe: Probe): Promise<void> {
    const giveUp = () => {
      if (!isRunning(daemon)) throw new Error('it exited');
    };
    try {
      await until(`${daemon} on ${name}`, () => isReady(probe), { timeout: START_MS, giveUp });
    } catch (cause) {
      throw new Error(`${messageOf(cause)}\n${await tail(file(`/run/lab-${daemon}.log`))}`, { cause });
    }
  }

  /** A crash: every process ends at once, but the disk stays. */
  async function kill(): Promise<void> {
    if (!current) return;
    const dying = current;
    current = undefined;
    await dying.destroy();
    await lan.detach(name);
    daemons.clear();
  }

  const host = {
    name,
    address,
    /** Parent of all the host's cgroups; the lab removes it. */
    cgroup,
    get namespace() {
      return namespace();
    },
    /** Where a path inside the host is on the outside. */
    file,
    run,
    spawn,
    start,
    stop,
    ask: askSocket,
    ready,
    isRunning,
    pidOf,
    isUp: () => current !== undefined,
    kill,
    /** Brings the host up, again or for the first time, without daemons: same name, address and disk, but an empty `/run`. */
    async reboot(): Promise<void> {
      await kill();
      for (const entry of await readdir(file('/run')).catch(() => [])) {
        if (!entry.startsWith('lab-') || entry === READY)
          await rm(file(`/run/${entry}`), { recursive: true });
      }
      const booted = await boot();
      await until(`host ${name}`, () => readFile(file(`/run/${READY}`)).then(() => true));
      await lan.attach(name, address, booted);
      current = booted;
    },
    /** The host's cable to the LAN. */
    cut: () => lan.cut(name),
    heal: () => lan.heal(name),
    /** The `docker` command on the real socket. */
    docker: (...args: string[]) => run(['docker', '-H', 'unix:///run/docker.sock', ...args]),

    async startDocker(...flags: string[]): Promise<void> {
      const socket = '/run/docker.sock';
      await start('dockerd', ['dockerd', '-H', `unix://${socket}`, '--cgroup-parent', cgroup, ...flags]);
      await ready('dockerd', { socket, path: '/_ping' });
    },
    /** Makes `busybox:latest` from this machine's static busybox. */
    async importBusybox(): Promise<void> {
      await copyFile(await busyboxTar(), file('/run/busybox.tar'));
      await host.docker('import', '-c', 'CMD ["sh"]', '/run/busybox.tar', 'busybox:latest');
    },
  };
  return host;
}
