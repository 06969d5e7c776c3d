import { Router } from 'express';
import { putBack } from '../../agent/transfer.js';
import type { Membership } from '../../cluster/membership/membership.js';
import { parseRequest } from '../http/validate.js';
import { restoreRequest } from '../schemas.js';
import type { GetServices } from '../services.js';

/** Puts networks and addresses from a back-up into the store, where they are not there. */
export function restoreRoutes(services: GetServices, membership: Pick<Membership, 'status'>): Router {
  const router = Router();
  router.post('/restore', async (request, response) => {
    const { networks, leases } = parseRequest(restoreRequest, request.body);
    const current = await services();
    const { state, hostId } = membership.status();
    // On a host that is alone everything is this host's: it may have another id now.
    const isAlone = state !== 'member';
    const done = await putBack(
      { networks, leases: leases.map((one) => (isAlone ? { ...one, host: hostId } : one)) },
      current,
    );
    void current.converge();
    response.json(done);
  });
  return router;
}
