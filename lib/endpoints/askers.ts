import type { Asker } from '../dns/knowledge.js';
import type { EndpointTable, Occupant } from './table.js';

/** What the name servers have to know of this host's containers, by network and address; those that are not known yet are left out. */
export function askersIn(table: Pick<EndpointTable, 'list'>): (readonly [string, string, Asker])[] {
  const places = table.list().flatMap(({ endpoint, occupant }) => (occupant ? [{ endpoint, occupant }] : []));
  const networks = new Map<string, string[]>();
  for (const { endpoint, occupant } of places)
    networks.set(occupant.id, [...(networks.get(occupant.id) ?? []), endpoint.network.id]);
  return places.map(({ endpoint: { network, ip }, occupant }) => [
    network.id,
    ip,
    askerOf(occupant, networks.get(occupant.id) ?? []),
  ]);
}

function askerOf({ hostname, nameServers, searchDomains }: Occupant, networks: readonly string[]): Asker {
  return { hostname, networks, nameServers, searchDomains };
}
