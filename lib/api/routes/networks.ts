import { Router } from 'express';
import { capacityOf, parseSubnet } from '../../base/ipv4.js';
import type { Lease } from '../../ipam/blocks.js';
import { networkRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';
import type { GetServices } from '../services.js';

export function networkRoutes(services: GetServices): Router {
  const router = Router();

  router.get('/networks', async (_request, response) => {
    response.json(await (await services()).networks.list());
  });

  router.post('/networks', async (request, response) => {
    const { carrier } = await services();
    const { id, subnet } = parseRequest(networkRequest, request.body);
    const network = await carrier.create(id, subnet);
    response.status(201).location(`/v0.1/networks/${network.id}`).json(network);
  });

  router.get('/networks/:id', async (request, response) => {
    const { networks, ipam, attachments, hostNames } = await services();
    const network = await networks.get(request.params.id);
    response.json({
      ...network,
      addresses: {
        total: capacityOf(parseSubnet(network.subnet)),
        used: ipam.usedOn(network.id),
        hosts: usage([...ipam.index.leases(network.id)], await hostNames()),
      },
      connections: attachments
        .list()
        .filter((one) => one.network.id === network.id)
        .map(({ name }) => name),
    });
  });

  router.delete('/networks/:id', async (request, response) => {
    await (await services()).carrier.remove(request.params.id);
    response.status(204).end();
  });

  return router;
}

/** How many of these leases belong to each host. */
function usage(leases: readonly Lease[], names: ReadonlyMap<string, string>) {
  const used = new Map<string, number>();
  for (const { host } of leases) used.set(host, (used.get(host) ?? 0) + 1);
  return [...used]
    .map(([id, count]) => ({ id, name: names.get(id) ?? id, used: count }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
