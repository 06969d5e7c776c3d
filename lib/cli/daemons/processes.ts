import { join } from 'node:path';
import type { Context } from '../context.js';
import { createDaemon } from './process.js';
import type { AgentAndProxy, DaemonParts } from './types.js';

/** Agent and proxy as plain processes, where no init supervises them. */
export function processDaemons(
  { paths, env }: Context,
  parts: DaemonParts,
  strict: boolean,
): Omit<AgentAndProxy, 'stopConsul'> {
  const { root, proxyConfig, powerstrip, agentReady, proxyReady, tell } = parts;
  const agent = createDaemon({
    name: 'agent',
    program: 'socketplaned',
    argv: [join(root, 'bin/socketplaned'), '--pid-file', paths.agentPid],
    pidFile: paths.agentPid,
    log: join(paths.logs, 'agent.log'),
    env,
    ready: () => agentReady(strict),
    tell,
  });
  const proxy = createDaemon({
    name: 'proxy',
    program: 'powerstrip',
    argv: [join(root, 'bin/powerstrip'), '--config', proxyConfig, '--pid-file', paths.proxyPid],
    pidFile: paths.proxyPid,
    log: join(paths.logs, 'proxy.log'),
    env,
    ready: proxyReady,
    tell,
  });
  const daemons = powerstrip ? [agent, proxy] : [agent];
  return {
    all: [{ ...agent, ready: () => agentReady(true) }, ...daemons.slice(1)],
    async start() {
      let started = false;
      for (const daemon of daemons) started = (await daemon.start()) || started;
      return started ? 'started' : 'running';
    },
    async stop() {
      let stopped = false;
      for (const daemon of [...daemons].reverse()) stopped = (await daemon.stop()) || stopped;
      return stopped ? 'stopped' : 'not running';
    },
    logs: (lines, follow) => [
      [
        'tail',
        [
          `--lines=${lines}`,
          ...(follow ? ['--follow=name', '--retry'] : []),
          '--',
          ...daemons.map(({ log }) => log),
        ],
      ],
    ],
  };
}
