import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../base/errors.js';
import { consulFiles } from '../../cluster/consul/config.js';
import { consulThatRuns } from '../../cluster/consul/process.js';
import { readAgentConfig } from '../../config/agent.js';
import type { Run } from '../../os/exec.js';
import { packageRoot, type HostPaths } from '../../base/paths.js';
import { PROGRAMS } from '../../install/files/programs.js';
import type { InstallRecord } from '../../install/files/install-record.js';
import type { Systemd } from '../../install/system/systemd.js';
import { AGENT_UNIT, PROXY_UNIT } from '../../install/units/unit-files.js';
import { requestUnix } from '../../os/request-unix.js';
import type { AgentClient } from '../agent/client.js';
import { problemsOf } from '../agent/answers.js';
import type { Context } from '../context.js';
import { tellOn } from '../terminal/progress.js';
import { containerDaemons } from './containers.js';
import { LackError } from './ready.js';
import { processDaemons } from './processes.js';
import { pluginDaemon } from './plugin.js';
import type { AgentAndProxy, DaemonParts, Daemons } from './types.js';
import { unitDaemons } from './units.js';
import { withPlugin } from './with-plugin.js';

const PING_TIMEOUT_MS = 5_000;

export interface DaemonsOptions {
  context: Context;
  agent: AgentClient;
  run: Run;
  systemd: Systemd;
  /** What is installed. Without it: the systemd units if there are any, else processes of this checkout. */
  record?: InstallRecord;
}

export async function createDaemons(options: DaemonsOptions): Promise<Daemons> {
  const { context, agent, systemd, record } = options;
  const parts = partsOf(context, agent, record);
  const plugin = await pluginDaemon(context, systemd, options.run, parts);
  return withPlugin(plugin, await agentAndProxy(options, parts));
}

async function agentAndProxy(options: DaemonsOptions, parts: DaemonParts): Promise<AgentAndProxy> {
  const { context, run, systemd, record } = options;
  if (record?.mode === 'containers') return containerDaemons(context.paths, run, parts);
  const names = parts.powerstrip ? [AGENT_UNIT, PROXY_UNIT] : [AGENT_UNIT];
  const stopConsul = async () => (await consulOf(context.paths)).stop();
  if (await systemd.has(...names))
    return { ...unitDaemons(context.paths, systemd, run, parts, names), stopConsul };
  const bootstrap = record?.bootstrap;
  const env = bootstrap === undefined ? context.env : { ...context.env, BOOTSTRAP: bootstrap };
  // An installed agent may still be waiting for its cluster, which is no failure.
  return { ...processDaemons({ ...context, env }, parts, record === undefined), stopConsul };
}

/** The Consul that an agent of this host has started. */
async function consulOf({ state, consulSocket }: HostPaths) {
  // A mistake in the settings must not keep it from being stopped.
  const folder = await readAgentConfig().then(
    (config) => config.state,
    () => state,
  );
  return consulThatRuns(consulFiles(folder, consulSocket));
}

const isUp = (state: string) => state.startsWith('ok');

function partsOf({ paths, stderr }: Context, agent: AgentClient, record?: InstallRecord): DaemonParts {
  const root = record ? PROGRAMS : packageRoot();
  return {
    root,
    tell: tellOn(stderr),
    proxyConfig: existsSync(paths.proxyConfig) ? paths.proxyConfig : join(root, 'proxy.yml'),
    powerstrip: record?.powerstrip ?? true,
    async agentReady(strict) {
      const health = await agent.health();
      const [problem] = problemsOf(health);
      if (!strict || problem === undefined) return;
      // The rest comes with the agent itself.
      throw isUp(health.docker) && isUp(health.ovs)
        ? new AppError('unavailable', problem)
        : new LackError(problem);
    },
    async proxyReady() {
      const { status } = await requestUnix({
        socket: paths.proxySocket,
        path: '/_ping',
        timeout: PING_TIMEOUT_MS,
      });
      if (status !== 200) throw new LackError(`Docker answers ${status} through the proxy`);
    },
  };
}
