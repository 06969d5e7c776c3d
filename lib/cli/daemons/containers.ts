import { CommandError, type Run } from '../../os/exec.js';
import { AppError, messageOf } from '../../base/errors.js';
import { logLine } from '../../os/detached.js';
import type { HostPaths } from '../../base/paths.js';
import type { DaemonParts, Daemons } from './types.js';
import { findProcess, isProgram } from '../../os/pid-file.js';
import { waitReady } from './ready.js';

/** Docker gives them ten seconds, and has something to do besides. */
const STOP_MS = 60_000;
/** One that ends more often than this while it is waited for has a reason that stays. */
const RESTARTS = 2;

/** Containers that `install` has made; straight from Docker, never through our proxy. */
export function containerDaemons(
  { dockerSocket, agentPid, proxyPid }: HostPaths,
  run: Run,
  parts: DaemonParts,
): Daemons {
  const host = ['--host', `unix://${dockerSocket}`];
  const names = parts.powerstrip ? ['socketplane', 'powerstrip'] : ['socketplane'];

  /** Undefined: it is gone. */
  async function stateOf(name: string): Promise<{ running: boolean; restarts: number } | undefined> {
    const format = '{{.State.Running}} {{.RestartCount}}';
    try {
      const output = await run(['docker', ...host, 'container', 'inspect', '--format', format, name]);
      const [running, restarts] = output.trim().split(' ');
      return { running: running === 'true', restarts: Number(restarts) };
    } catch (error) {
      if (error instanceof CommandError && /no such container/i.test(error.output)) return undefined;
      throw error;
    }
  }
  const states = () => Promise.all(names.map(stateOf));

  /** Both outputs of a container: its daemon says on either what is wrong. */
  async function lastWords(name: string): Promise<string> {
    const script = 'exec docker "$@" 2>&1';
    return logLine(await run(['sh', '-c', script, 'sh', ...host, 'logs', '--tail', '1', name]));
  }

  async function start(): Promise<'started' | 'running'> {
    const before = await states();
    const gone = names.filter((_name, index) => before[index] === undefined);
    if (gone.length > 0) {
      const advice = '`socketplane install unattended` makes it again';
      throw new AppError('unavailable', `there is no container ${gone.join(' and no ')}: ${advice}`);
    }
    await run(['docker', ...host, 'start', ...names], { timeout: STOP_MS });
    const begun = await states();
    const failing = async () =>
      names[
        (await states()).findIndex(
          (state, index) => (state?.restarts ?? 0) - (begun[index]?.restarts ?? 0) >= RESTARTS,
        )
      ];
    const giveUp = async () => {
      if ((await failing()) !== undefined) throw new Error('it ends again and again');
    };
    await waitReady(parts, giveUp).catch(async (cause: unknown) => {
      const name = await failing();
      const what =
        name === undefined
          ? `agent and proxy run, but are not ready: ${messageOf(cause)}`
          : `${name} ends again and again: ${await lastWords(name)}`;
      throw new AppError('unavailable', `${what} (docker logs ${names.join(', docker logs ')})`, { cause });
    });
    return before.every((state) => state?.running) ? 'running' : 'started';
  }

  const all = [
    {
      name: 'agent',
      log: 'docker logs socketplane',
      pid: () => findProcess(agentPid, isProgram('socketplaned')),
      ready: () => parts.agentReady(true),
    },
    {
      name: 'proxy',
      log: 'docker logs powerstrip',
      pid: () => findProcess(proxyPid, isProgram('powerstrip')),
      ready: parts.proxyReady,
    },
  ].slice(0, names.length);
  return {
    all,
    start,
    async stop() {
      const found = await states();
      const there = names.filter((_name, index) => found[index] !== undefined);
      if (there.length > 0) await run(['docker', ...host, 'stop', ...there.reverse()], { timeout: STOP_MS });
      return found.some((state) => state?.running) ? 'stopped' : 'not running';
    },
    logs: (lines, follow) =>
      names.map((name) => [
        'docker',
        [...host, 'logs', `--tail=${lines}`, ...(follow ? ['--follow'] : []), name],
      ]),
  };
}
