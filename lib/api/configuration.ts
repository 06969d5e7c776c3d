import { Router } from 'express';
import type { AgentConfig } from '../config/agent.js';
import type { Datapath } from '../datapath/datapath.js';

/** What the agent runs with. It is changed in its file, followed by a restart, which interrupts no traffic. */
export function configurationRoutes({
  config,
  datapath,
}: {
  config: AgentConfig;
  datapath: Datapath;
}): Router {
  const router = Router();
  router.get('/configuration', (_request, response) => {
    const { key: _key, ...cluster } = config.cluster;
    const { token: _token, ...consul } = config.consul ?? {};
    response.json({ ...config, cluster, ...(config.consul && { consul }), datapath: datapath.kind });
  });
  return router;
}
