import { Router } from 'express';
import { createHosts, createMembers, type MemberRecord } from '../../cluster/hosts/records.js';
import type { Membership } from '../../cluster/membership/membership.js';
import { readServers } from '../../cluster/servers/record.js';
import type { ClusterSettings } from '../../cluster/settings.js';
import type { Observable } from '../../concurrency/observable.js';
import type { Log } from '../../base/log.js';
import type { Liveness } from '../../store/liveness.js';
import type { Store } from '../../store/store.js';
import { bindQuery, bootstrapQuery, joinQuery } from '../schemas.js';
import { parseRequest } from '../http/validate.js';

/** Shows and changes this host's place in its cluster. */
export function clusterRoutes(options: {
  membership: Membership;
  /** The store in use, if there is one now. */
  store: () => Store | undefined;
  settings: Observable<ClusterSettings | undefined>;
  /** Which hosts are alive, while this one is a member. */
  liveness: () => Liveness | undefined;
  /** Why there is no tunnel to a host, by its address. */
  tunnelFaults: () => ReadonlyMap<string, string>;
  log: Log;
}): Router {
  const { membership, store: currentStore, settings, liveness, tunnelFaults, log } = options;
  const router = Router();

  async function members() {
    const store = currentStore();
    if (!store || membership.status().state !== 'member') return [];
    const [all, hosts, { servers }, signs] = await Promise.all([
      createMembers(store, log).list(),
      createHosts(store, log).list(),
      readServers(store),
      liveness()?.now(),
    ]);
    const taking = new Set(hosts.map(({ hostId }) => hostId));
    const faults = tunnelFaults();
    const self = membership.status().hostId;
    function stateOf({ hostId, address }: MemberRecord): string {
      if (!taking.has(hostId)) return 'silent';
      if (faults.has(address)) return 'no tunnel';
      if (hostId === self || !signs || signs.agents.has(hostId)) return 'up';
      return (signs.hosts?.has(hostId) ?? true) ? 'agent away' : 'silent';
    }
    return all
      .toSorted((a, b) => a.joined.localeCompare(b.joined))
      .map((record) => {
        const { hostId: id, name, address, joined, version } = record;
        const state = stateOf(record);
        const problem = state === 'no tunnel' ? faults.get(address) : undefined;
        return { id, name, address, joined, version, server: servers.includes(id), state, problem };
      });
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
      vxlanPort: settings.value?.vxlanPort,
      problem,
      members: await members(),
    };
  }

  router.get('/cluster', async (_request, response) => {
    response.json(await status());
  });

  router.post('/cluster/bootstrap', async (request, response) => {
    await membership.bootstrap(parseRequest(bootstrapQuery, request.query).vxlanPort);
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
