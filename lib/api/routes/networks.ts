import { Router } from 'express';
import type { Datapath } from '../../datapath/datapath.js';
import { AppError } from '../../base/errors.js';
import type { Attachments } from '../../endpoints/attachments.js';
import { capacityOf, parseSubnet } from '../../base/ipv4.js';
import type { Ipam } from '../../ipam/ipam.js';
import type { Networks } from '../../network/networks.js';
import { networkRequest } from '../schemas.js';
import { parseRequest } from '../http/validate.js';

export function networkRoutes(options: {
  networks: Networks;
  ipam: Ipam;
  attachments: Attachments;
  datapath: Datapath;
  /** Names of the hosts of the cluster by their ids. */
  hostNames: () => Promise<ReadonlyMap<string, string>>;
}): Router {
  const { networks, ipam, attachments, datapath, hostNames } = options;
  const router = Router();

  /** How many addresses of a network each host has given away. */
  async function useByHost(network: string): Promise<{ id: string; name: string; used: number }[]> {
    const used = new Map<string, number>();
    for (const { host } of ipam.index.leases(network)) used.set(host, (used.get(host) ?? 0) + 1);
    const names = await hostNames();
    return [...used]
      .map(([id, count]) => ({ id, name: names.get(id) ?? id, used: count }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  router.get('/networks', async (_request, response) => {
    response.json(await networks.list());
  });

  router.post('/networks', async (request, response) => {
    const { id, subnet } = parseRequest(networkRequest, request.body);
    // Asked first: a network that cannot be carried is not made.
    await datapath.open();
    const network = await networks.create(id, subnet);
    try {
      await datapath.ensureNetwork(network);
    } catch (error) {
      await networks.remove(id);
      throw error;
    }
    if ((await networks.find(id))?.network.vni !== network.vni) {
      // The node may have heard of both before it was carried, and takes it away no more.
      await datapath.removeNetwork(network);
      throw new AppError('conflict', `network ${id} was removed meanwhile`);
    }
    response.status(201).location(`/v0.1/networks/${network.id}`).json(network);
  });

  router.get('/networks/:id', async (request, response) => {
    const network = await networks.get(request.params.id);
    const connections = attachments
      .list()
      .filter((connection) => connection.network.id === network.id)
      .map(({ name }) => name);
    response.json({
      ...network,
      addresses: {
        total: capacityOf(parseSubnet(network.subnet)),
        used: ipam.usedOn(network.id),
        hosts: await useByHost(network.id),
      },
      connections,
    });
  });

  router.delete('/networks/:id', async (request, response) => {
    const network = await networks.get(request.params.id);
    await networks.remove(network.id);
    await datapath.removeNetwork(network);
    response.status(204).end();
  });

  return router;
}
