import { Router } from 'express';
import type { Lease } from '../../ipam/blocks.js';
import type { GetServices } from '../services.js';

/** All leased addresses that this host knows of; the store is not asked. */
export function leaseRoutes(services: GetServices): Router {
  const router = Router();
  router.get('/leases', async (_request, response) => {
    const { ipam } = await services();
    response.json([...ipam.index.all()].map(toJson));
  });
  return router;
}

function toJson({ network, ip, container, endpoint, kept, mac, names, host, up, time }: Lease) {
  return { network, ip, container, endpoint, kept, mac, names, host, up, time };
}
