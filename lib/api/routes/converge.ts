import { Router } from 'express';
import type { GetServices } from '../services.js';

/** For anyone who has found something wrong and does not want to wait for the agent's next pass. */
export function convergeRoutes(services: GetServices): Router {
  const router = Router();
  router.post('/converge', async (_request, response) => {
    response.json({ ok: await (await services()).converge() });
  });
  return router;
}
