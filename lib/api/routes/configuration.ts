import { isDeepStrictEqual } from 'node:util';
import { Router } from 'express';
import type { AgentConfig } from '../../config/agent.js';
import type { Datapath } from '../../datapath/datapath.js';
import { AppError } from '../../base/errors.js';
import type { Logger, LogLevel } from '../../base/log.js';
import { DEFAULT_NETWORK } from '../../network/networks.js';
import type { Network } from '../../base/model.js';
import { configurationRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';

/**
 * What the agent runs with, in the terms of agent.yml and of the original SocketPlane. Changes are made in the file and need
 * a restart, which interrupts no traffic; only the log level can be set while the agent runs.
 */
export function configurationRoutes(options: {
  config: AgentConfig;
  datapath: Datapath;
  /** The networks as last heard from the store. */
  networks: () => readonly Network[];
  logger: Pick<Logger, 'level'>;
}): Router {
  const { config, datapath, networks, logger } = options;
  const router = Router();

  async function configuration(): Promise<Record<string, unknown>> {
    const { key: _key, ...cluster } = config.cluster;
    const { token: _token, ...consul } = config.consul ?? {};
    const standard = networks().find(({ id }) => id === DEFAULT_NETWORK);
    return {
      bridge_name: config.bridge,
      bridge_ip: standard?.gateway,
      bridge_cidr: standard?.subnet,
      bridge_mtu: await datapath.mtu(),
      ...config,
      cluster,
      ...(config.consul && { consul }),
      datapath: datapath.kind ?? config.datapath,
      log: logger.level,
    };
  }

  router.get('/configuration', async (_request, response) => {
    response.json(await configuration());
  });

  router.post('/configuration', async (request, response) => {
    const { log, ...rest } = parseRequest(configurationRequest, request.body);
    assertSame(rest, await configuration());
    if (log !== undefined) logger.level = log satisfies LogLevel;
    response.json(await configuration());
  });

  return router;
}

/** A configuration that was read may be sent back whole: only what can be set may differ. */
function assertSame(wanted: Record<string, unknown>, current: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (!Object.hasOwn(current, key))
      throw new AppError('invalid', `bad request: there is no ${JSON.stringify(key)} in the configuration`);
    if (!isDeepStrictEqual(value, JSON.parse(JSON.stringify(current[key] ?? null)))) {
      const advice = key.startsWith('bridge_') ? '' : ': change it in agent.yml, and restart the agent';
      throw new AppError('conflict', `${key} cannot be set while the agent runs${advice}`);
    }
  }
}
