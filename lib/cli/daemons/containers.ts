import type { Run } from '../../exec.js';
import { AppError, messageOf } from '../../errors.js';
import type { HostPaths } from '../../install/paths.js';
import type { DaemonParts, Daemons } from '../daemons.js';
import { livePid } from '../pid-file.js';
import { waitReady } from './ready.js';

/** Docker gives them ten seconds, and has something to do besides. */
const STOP_MS = 60_000;

/** Containers that `install` has made; straight from Docker, never through our proxy. */
export function containerDaemons(
  { dockerSocket, agentPid, proxyPid }: HostPaths,
  run: Run,
  parts: DaemonParts,
): Daemons {
  const host = ['--host', `unix://${dockerSocket}`];
  const names = parts.powerstrip ? ['socketplane', 'powerstrip'] : ['socketplane'];
  const isRunning = async () => {
    const format = '{{.State.Running}}';
    const states = await run(['docker', ...host, 'inspect', '--format', format, ...names]).catch(() => '');
    return states
      .trim()
      .split('\n')
      .every((state) => state === 'true');
  };
  const all = [
    {
      name: 'agent',
      log: 'docker logs socketplane',
      pid: () => livePid(agentPid, 'socketplaned'),
      ready: () => parts.agentReady(true),
    },
    {
      name: 'proxy',
      log: 'docker logs powerstrip',
      pid: () => livePid(proxyPid, 'powerstrip'),
      ready: parts.proxyReady,
    },
  ].slice(0, names.length);
  return {
    all,
    async start() {
      const ran = await isRunning();
      await run(['docker', ...host, 'start', ...names], { timeout: STOP_MS });
      await waitReady(parts).catch((cause: unknown) => {
        const what = `agent and proxy run, but are not ready: ${messageOf(cause)}`;
        throw new AppError('unavailable', `${what} (docker logs ${names.join(', docker logs ')})`, { cause });
      });
      return ran ? 'running' : 'started';
    },
    async stop() {
      const ran = await isRunning();
      await run(['docker', ...host, 'stop', ...[...names].reverse()], { timeout: STOP_MS });
      return ran ? 'stopped' : 'not running';
    },
    logs: (lines, follow) =>
      names.map((name) => [
        'docker',
        [...host, 'logs', `--tail=${lines}`, ...(follow ? ['--follow'] : []), name],
      ]),
  };
}
