import { CommandError, type Run } from '../../os/exec.js';
import { AppError, messageOf } from '../../base/errors.js';
import { logLine } from '../../os/detached.js';
import type { HostPaths } from '../../base/paths.js';
import type { AgentAndProxy, DaemonParts } from './types.js';
import { findProcess, isProgram } from '../../os/pid-file.js';
import { waitReady } from './ready.js';

/** Docker gives containers ten seconds to stop, and may be busy itself. */
const STOP_MS = 300_000;
const CONSUL = 'socketplane-consul';
/** A container that ends this often during the wait will not come up. */
const RESTARTS = 2;

/** Agent and proxy as the containers that `install` made. Docker is asked directly, never through our own proxy. */
export function containerDaemons(
  { dockerSocket, agentPid, proxyPid }: HostPaths,
  run: Run,
  parts: DaemonParts,
): AgentAndProxy {
  const host = ['--host', `unix://${dockerSocket}`];
  const names = parts.powerstrip ? ['socketplane', 'powerstrip'] : ['socketplane'];
  /** Runs whenever the agent does, and beyond. */
  const started = [CONSUL, ...names];

  /** Undefined where there is no such container. */
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
  const states = () => Promise.all(started.map(stateOf));

  async function stop(containers: string[]): Promise<'stopped' | 'not running'> {
    const found = await Promise.all(containers.map(stateOf));
    const there = containers.filter((_name, index) => found[index] !== undefined);
    if (there.length > 0) await run(['docker', ...host, 'stop', ...there.reverse()], { timeout: STOP_MS });
    return found.some((state) => state?.running) ? 'stopped' : 'not running';
  }

  /** From both outputs of a container: the daemon may log its reason on either. */
  async function lastWords(name: string): Promise<string> {
    const script = 'exec docker "$@" 2>&1';
    return logLine(await run(['sh', '-c', script, 'sh', ...host, 'logs', '--tail', '1', name]));
  }

  async function start(): Promise<'started' | 'running'> {
    const before = await states();
    const gone = started.filter((_name, index) => before[index] === undefined);
    if (gone.length > 0) {
      const advice = '`socketplane install unattended` makes it again';
      throw new AppError('unavailable', `there is no container ${gone.join(' and no ')}: ${advice}`);
    }
    await run(['docker', ...host, 'start', ...started], { timeout: STOP_MS });
    const begun = await states();
    const failing = async () =>
      started[
        (await states()).findIndex(
          (state, index) => (state?.restarts ?? 0) - (begun[index]?.restarts ?? 0) >= RESTARTS,
        )
      ];
    const giveUp = async () => {
      if ((await failing()) !== undefined) throw new Error('it keeps ending');
    };
    await waitReady(parts, giveUp).catch(async (cause: unknown) => {
      const name = await failing();
      const what =
        name === undefined
          ? `agent and proxy are running, but not ready: ${messageOf(cause)}`
          : `${name} keeps ending: ${await lastWords(name)}`;
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
    stop: () => stop(names),
    stopConsul: () => stop([CONSUL]),
    logs: (lines, follow) =>
      names.map((name) => [
        'docker',
        [...host, 'logs', `--tail=${lines}`, ...(follow ? ['--follow'] : []), name],
      ]),
  };
}
