import type { Router } from 'express';
import type { Membership } from '../cluster/membership/membership.js';
import type { AgentConfig } from '../config/agent.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import type { Logger } from '../base/log.js';
import type { AgentMetrics } from '../metrics/agent-metrics.js';
import type { Seat } from '../agent/current.js';
import { clusterRoutes } from './routes/cluster.js';
import { configurationRoutes } from './routes/configuration.js';
import { convergeRoutes } from './routes/converge.js';
import { healthRoutes } from './routes/health.js';
import { metricsRoutes } from './routes/metrics.js';
import { openApiRoutes } from './openapi/route.js';

/** The part of the API that is there whatever the store does; the other part is the node's. */
export function agentRoutes(options: {
  version: string;
  config: AgentConfig;
  docker: Docker;
  datapath: Datapath;
  seat: Seat;
  membership: Membership;
  metrics: AgentMetrics;
  log: Logger;
}): Router[] {
  const { version, config, docker, datapath, seat, membership, metrics, log } = options;
  const networks = () => seat.current?.known().networks ?? [];
  return [
    configurationRoutes({ config, datapath, networks, logger: log }),
    healthRoutes({ version, docker, datapath, store: async () => (await seat.node()).store }),
    clusterRoutes({ membership, current: () => seat.current, log }),
    convergeRoutes(seat),
    metricsRoutes(metrics),
    openApiRoutes(version),
  ];
}
