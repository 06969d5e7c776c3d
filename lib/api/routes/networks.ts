import { Router } from 'express';
import { capacityOfNetwork } from '../../ipam/address-space.js';
import type { Lease } from '../../ipam/blocks.js';
import { tidy } from '../../driver/settings.js';
import { networkNamed } from '../../network/networks.js';
import { networkRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';
import type { GetServices } from '../services.js';

export function networkRoutes(services: GetServices): Router {
  const router = Router();

  router.get('/networks', async (_request, response) => {
    response.json(await (await services()).networks.list());
  });

  router.post('/networks', async (request, response) => {
    const { carrier, fanOut } = await services();
    const { id, subnet, gateway, ...settings } = parseRequest(networkRequest, request.body);
    const network = await carrier.create(id, {
      subnet,
      gateway,
      settings: tidy({ ...settings, namesGateway: gateway !== undefined }),
    });
    // So that `docker run --network` finds it. Without Docker it is made there later.
    await fanOut.expect(id).catch(() => undefined);
    response.status(201).location(`/v0.1/networks/${network.id}`).json(network);
  });

  router.get('/networks/:id', async (request, response) => {
    const { networks, ipam, containers, hostNames } = await services();
    const network = await networks.get(networkNamed(request.params.id));
    response.json({
      ...network,
      addresses: {
        total: capacityOfNetwork(network),
        used: ipam.usedOn(network.id),
        hosts: usage([...ipam.index.leases(network.id)], await hostNames()),
      },
      connections: containers.connections
        .list()
        .filter((one) => one.network.id === network.id)
        .map(({ name }) => name),
    });
  });

  router.delete('/networks/:id', async (request, response) => {
    const { carrier, fanOut } = await services();
    await carrier.remove(networkNamed(request.params.id));
    await fanOut.reconcile().catch(() => undefined);
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
