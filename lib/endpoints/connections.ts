import { macOf } from '../base/ipv4.js';
import type { Network } from '../base/model.js';
import type { Ipam } from '../ipam/ipam.js';
import type { Connection } from './connection.js';
import type { EndpointTable, OpenEndpoint } from './table.js';

const FULL_ID = /^[0-9a-f]{64}$/;

/** This host's connections for people: those of running containers, and those kept for containers that do not run. */
export interface Connections {
  list(): Connection[];
  /** By full id, name or unique beginning of the id of the container; one on several networks is found on each. */
  find(reference: string): Connection[];
}

export function createConnections({
  table,
  ipam,
  networks,
}: {
  table: Pick<EndpointTable, 'list' | 'at'>;
  ipam: Pick<Ipam, 'owned' | 'find'>;
  /** As last heard from the store. */
  networks: () => readonly Network[];
}): Connections {
  function running({ endpoint, occupant, portName, failure }: OpenEndpoint): Connection {
    const { id, network, ip, mac } = endpoint;
    const lease = ipam.find(network.id, ip);
    return {
      container: occupant?.id ?? lease?.container ?? '',
      name: occupant?.name ?? lease?.names[0] ?? '',
      pid: occupant?.pid ?? 0,
      ...{ network, ip, mac, endpoint: id },
      state: failure !== undefined ? 'failed' : occupant && portName !== undefined ? 'up' : 'starting',
      ...(failure !== undefined && { reason: failure }),
      ...(portName !== undefined && { port: portName }),
    };
  }

  function list(): Connection[] {
    const known = new Map(networks().map((network) => [network.id, network]));
    const kept = ipam.owned().flatMap(({ network: id, ip, mac, container, names }): Connection[] => {
      const network = known.get(id);
      if (!network || container === undefined || table.at(id, ip)) return [];
      return [{ container, name: names[0] ?? '', pid: 0, network, ip, mac: mac ?? macOf(ip), state: 'down' }];
    });
    return [...table.list().map(running), ...kept];
  }

  return {
    list,
    find(reference) {
      // Nobody is meant by it, also where an endpoint's container is not known yet.
      if (reference === '') return [];
      const all = list();
      const exact = all.filter(({ container, name }) => container === reference || name === reference);
      if (exact.length > 0 || FULL_ID.test(reference)) return exact;
      const begins = all.filter(({ container }) => container.startsWith(reference));
      return new Set(begins.map(({ container }) => container)).size === 1 ? begins : [];
    },
  };
}
