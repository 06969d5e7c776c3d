import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.js';
import { packageRoot } from '../install/paths.js';
import { until } from '../install/until.js';
import type { Systemd } from '../install/systemd.js';
import { requestUnix } from '../unix-request.js';
import type { AgentClient } from './agent-client.js';
import { complaints } from './answers.js';
import type { Context } from './context.js';
import { createDaemon, type Daemon } from './daemon.js';

const PROXY_CONFIG = '/etc/socketplane/proxy.yml';
const PING_TIMEOUT_MS = 5_000;
const UNIT_READY_MS = 20_000;

export const UNITS = ['socketplane-agent.service', 'socketplane-proxy.service'] as const;

/** Agent and proxy together: systemd's where it has our units, else processes started here. */
export interface Daemons {
  /** Agent first, the proxy's hooks need it. */
  readonly all: readonly Daemon[];
  start(): Promise<'started' | 'running'>;
  stop(): Promise<'stopped' | 'not running'>;
  /** Whether systemd keeps them. */
  hasUnits(): Promise<boolean>;
}

export function createDaemons(context: Context, agent: AgentClient, systemd: Systemd): Daemons {
  const { paths, env } = context;
  const root = packageRoot();
  const config = existsSync(PROXY_CONFIG) ? PROXY_CONFIG : join(root, 'proxy.yml');
  const all = [
    createDaemon({
      name: 'agent',
      program: 'socketplaned',
      argv: [join(root, 'bin/socketplaned'), '--pid-file', paths.agentPid],
      pidFile: paths.agentPid,
      log: join(paths.logs, 'agent.log'),
      env,
      async ready() {
        const [complaint] = complaints(await agent.health());
        if (complaint !== undefined) throw new AppError('unavailable', complaint);
      },
    }),
    createDaemon({
      name: 'proxy',
      program: 'powerstrip',
      argv: [join(root, 'bin/powerstrip'), '--config', config, '--pid-file', paths.proxyPid],
      pidFile: paths.proxyPid,
      log: join(paths.logs, 'proxy.log'),
      env,
      async ready() {
        const { status } = await requestUnix({
          socket: paths.proxySocket,
          path: '/_ping',
          timeout: PING_TIMEOUT_MS,
        });
        if (status !== 200) throw new AppError('unavailable', `Docker answers ${status} through the proxy`);
      },
    }),
  ];
  const hasUnits = () => systemd.has(...UNITS);

  return {
    all,
    hasUnits,
    async start() {
      if (await hasUnits()) {
        await systemd.do('start', ...UNITS);
        for (const { ready } of all) await until(ready, { timeout: UNIT_READY_MS });
        return 'running';
      }
      let started = false;
      for (const daemon of all) started = (await daemon.start()) || started;
      return started ? 'started' : 'running';
    },
    async stop() {
      if (await hasUnits()) {
        await systemd.do('stop', ...UNITS);
        return 'stopped';
      }
      let stopped = false;
      for (const daemon of [...all].reverse()) stopped = (await daemon.stop()) || stopped;
      return stopped ? 'stopped' : 'not running';
    },
  };
}
