import { Router } from 'express';
import type { Seat } from '../../agent/current.js';

/** For whoever has found something out of order and does not want to wait for the agent's next look. */
export function convergeRoutes(seat: Pick<Seat, 'node'>): Router {
  const router = Router();
  router.post('/converge', async (_request, response) => {
    response.json({ ok: await (await seat.node()).converge() });
  });
  return router;
}
