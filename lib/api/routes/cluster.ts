import { Router } from 'express';
import { createHosts, createMembers } from '../../cluster/hosts/records.js';
import type { Membership } from '../../cluster/membership/membership.js';
import { readServers } from '../../cluster/servers/record.js';
import type { Log } from '../../base/log.js';
import type { Store } from '../../store/store.js';
import { bindQuery, joinQuery } from '../schemas.js';
import { parseRequest } from '../http/validate.js';

/** Shows and changes this host's place in its cluster. */
export function clusterRoutes(options: {
  membership: Membership;
  /** The store in use, if there is one now. */
  store: () => Store | undefined;
  log: Log;
}): Router {
  const { membership, store: currentStore, log } = options;
  const router = Router();

  async function members() {
    const store = currentStore();
    if (!store || membership.status().state !== 'member') return [];
    const [all, hosts, { servers }] = await Promise.all([
      createMembers(store, log).list(),
      createHosts(store, log).list(),
      readServers(store),
    ]);
    const taking = new Set(hosts.map(({ hostId }) => hostId));
    return all
      .toSorted((a, b) => a.joined.localeCompare(b.joined))
      .map(({ hostId, name, address, joined, version }) => ({
        id: hostId,
        name,
        address,
        joined,
        version,
        server: servers.includes(hostId),
        state: taking.has(hostId) ? 'up' : 'silent',
      }));
  }

  async function status() {
    const { state, hostId, cluster, underlay, server, problem } = membership.status();
    return {
      state,
      id: hostId,
      name: cluster,
      server,
      interface: underlay?.device,
      address: underlay?.address,
      problem,
      members: await members(),
    };
  }

  router.get('/cluster', async (_request, response) => {
    response.json(await status());
  });

  router.post('/cluster/bootstrap', async (_request, response) => {
    await membership.bootstrap();
    response.json(await status());
  });

  router.post('/cluster/bind', async (request, response) => {
    await membership.bind(parseRequest(bindQuery, request.query).iface);
    response.json(await status());
  });

  router.post('/cluster/join', async (request, response) => {
    await membership.join(parseRequest(joinQuery, request.query).address);
    response.json(await status());
  });

  router.post('/cluster/leave', async (_request, response) => {
    await membership.leave();
    response.json(await status());
  });

  return router;
}
