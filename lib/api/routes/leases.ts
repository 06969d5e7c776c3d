import { Router } from 'express';
import type { Lease } from '../../ipam/blocks.js';
import type { LeaseIndex } from '../../ipam/lease-index.js';

/** All addresses that are given, as far as this host has heard: asks no store. */
export function leaseRoutes(index: Pick<LeaseIndex, 'all'>): Router {
  const router = Router();
  router.get('/leases', (_request, response) => {
    response.json([...index.all()].map(toJson));
  });
  return router;
}

function toJson({ network, ip, container, names, host, up, time }: Lease) {
  return { network, ip, container, names, host, up, time };
}
