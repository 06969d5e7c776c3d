import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { succeeds } from '../base/succeeds.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Docker } from '../docker/docker.js';
import { createAddresses, type Addresses } from '../endpoints/addresses.js';
import { createConnections, type Connections } from '../endpoints/connections.js';
import { createEndpoints, type Endpoints } from '../endpoints/endpoints.js';
import { createIdentify } from '../endpoints/identify.js';
import { createSettle, type Settle } from '../endpoints/settle.js';
import { createEndpointTable, type EndpointTable } from '../endpoints/table.js';
import type { Ipam } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
import type { Run } from '../os/exec.js';

/** Everything about this host's containers on one store. */
export interface Containers {
  table: EndpointTable;
  addresses: Addresses;
  endpoints: Endpoints;
  connections: Connections;
  settle: Settle;
}

export function createContainers(options: {
  docker: Docker;
  networks: Pick<Networks, 'find' | 'get' | 'recall'>;
  /** The networks as last heard from the store. */
  known: () => readonly Network[];
  ipam: Ipam;
  datapath: Pick<Datapath, 'attach' | 'detach' | 'label'>;
  run: Run;
  log: Log;
}): Containers {
  const { docker, networks, known, ipam, datapath, run, log } = options;
  const table = createEndpointTable();

  /** The kernel removes a link with the namespace of its container, whether or not Docker says so. */
  async function isAlive(network: string, ip: string): Promise<boolean> {
    const entry = table.at(network, ip);
    if (!entry || entry.failure !== undefined) return false;
    return entry.portName === undefined || succeeds(run(['ip', 'link', 'show', 'dev', entry.portName]));
  }

  const addresses = createAddresses({ networks, ipam, isAlive, log });
  const endpoints = createEndpoints({ table, addresses, ipam, datapath, log });
  const gateways = () => new Set(known().map(({ gateway }) => gateway));
  const identify = createIdentify({ table, endpoints, ipam, datapath, gateways, log });
  const record = (network: string) => networks.recall(network);
  return {
    table,
    addresses,
    endpoints,
    connections: createConnections({ table, ipam, networks: known }),
    settle: createSettle({ docker, table, endpoints, addresses, identify, ipam, record, log }),
  };
}
