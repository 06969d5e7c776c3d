import type { Router } from 'express';
import type { Current } from '../agent/current.js';
import type { Services } from '../agent/services.js';
import type { Logger } from '../base/log.js';
import type { Membership } from '../cluster/membership/membership.js';
import type { ClusterSettings } from '../cluster/settings.js';
import type { Observable } from '../concurrency/observable.js';
import type { AgentConfig } from '../config/agent.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import type { Liveness } from '../store/liveness.js';
import type { AgentMetrics } from '../metrics/agent-metrics.js';
import type { Observed } from '../metrics/gauges.js';
import { openApiRoutes } from './openapi/route.js';
import { adapterRoutes } from './routes/adapter.js';
import { clusterRoutes } from './routes/cluster.js';
import { configurationRoutes } from './routes/configuration.js';
import { connectionRoutes } from './routes/connections.js';
import { convergeRoutes } from './routes/converge.js';
import { healthRoutes } from './routes/health.js';
import { leaseRoutes } from './routes/leases.js';
import { metricsRoutes } from './routes/metrics.js';
import { restoreRoutes } from './routes/restore.js';
import { networkRoutes } from './routes/networks.js';

export interface ApiOptions {
  version: string;
  config: AgentConfig;
  docker: Docker;
  datapath: Datapath;
  services: Current<Services>;
  membership: Membership;
  settings: Observable<ClusterSettings | undefined>;
  liveness: () => Liveness | undefined;
  metrics: AgentMetrics;
  observe: () => Observed;
  log: Logger;
}

/** All calls of the API. Those that need the services ask for the current ones each time. */
export function apiRoutes(options: ApiOptions): Router[] {
  const { version, config, docker, datapath, services, membership, settings, metrics, observe, log } =
    options;
  const { liveness } = options;
  const networks = () => services.current?.known().networks ?? [];
  return [
    configurationRoutes({ config, datapath, networks, logger: log }),
    healthRoutes({
      ...{ version, docker, datapath },
      store: async () => (await services.get()).store,
      names: () => services.current?.namesProblem(),
    }),
    clusterRoutes({
      ...{ membership, settings, liveness, log },
      store: () => services.current?.store,
      tunnelFaults: () => datapath.tunnelFaults,
    }),
    metricsRoutes(metrics, observe),
    openApiRoutes(version),
    adapterRoutes(docker, services.get, log),
    networkRoutes(services.get),
    leaseRoutes(services.get),
    restoreRoutes(services.get, membership),
    connectionRoutes(docker, services.get),
    convergeRoutes(services.get),
  ];
}
