import { Router } from 'express';
import type { GetServices } from '../services.js';

/** For whoever has found something out of order and does not want to wait for the agent's next look. */
export function convergeRoutes(services: GetServices): Router {
  const router = Router();
  router.post('/converge', async (_request, response) => {
    response.json({ ok: await (await services()).converge() });
  });
  return router;
}
