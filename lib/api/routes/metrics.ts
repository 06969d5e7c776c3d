import { Router } from 'express';
import type { AgentMetrics } from '../../metrics/agent-metrics.js';
import type { Observed } from '../../metrics/gauges.js';

/** Metrics for Prometheus. */
export function metricsRoutes(metrics: AgentMetrics, observe: () => Observed): Router {
  const router = Router();
  router.get('/metrics', async (_request, response) => {
    response.set('Content-Type', metrics.contentType).send(await metrics.text(observe()));
  });
  return router;
}
