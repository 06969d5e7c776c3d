import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { succeeds } from '../base/succeeds.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Attached, Docker } from '../docker/docker.js';
import type { DockerNetworks } from '../driver/docker-networks.js';
import { createAddresses, type Addresses } from '../endpoints/addresses.js';
import { createConnections, type Connections } from '../endpoints/connections.js';
import { createEndpoints, type Endpoints } from '../endpoints/endpoints.js';
import { createIdentify } from '../endpoints/identify.js';
import { createReconnector } from '../endpoints/reconnect.js';
import { createSettle, type Settle } from '../endpoints/settle.js';
import { createEndpointTable, type EndpointTable } from '../endpoints/table.js';
import { createTeller, type Teller } from '../endpoints/teller.js';
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
  teller: Teller;
}

export function createContainers(options: {
  docker: Docker;
  dockerNetworks: Pick<DockerNetworks, 'get'>;
  networks: Pick<Networks, 'find' | 'get' | 'recall'>;
  /** The networks as last heard from the store. */
  known: () => readonly Network[];
  ipam: Ipam;
  datapath: Pick<Datapath, 'attach' | 'detach' | 'label'>;
  run: Run;
  log: Log;
}): Containers {
  const { docker, dockerNetworks, networks, known, ipam, datapath, run, log } = options;
  const table = createEndpointTable();
  const isOpen = (network: string, ip: string) => table.at(network, ip) !== undefined;

  /** The kernel removes a link with the namespace of its container, whether or not Docker says so. */
  async function isAlive(network: string, ip: string): Promise<boolean> {
    const entry = table.at(network, ip);
    if (!entry || entry.failure !== undefined) return false;
    return entry.portName === undefined || succeeds(run(['ip', 'link', 'show', 'dev', entry.portName]));
  }

  const teller = createTeller({ ipam, log });
  const addresses = createAddresses({ networks, ipam, teller, isOpen, isAlive, log });
  const endpoints = createEndpoints({ table, addresses, teller, ipam, datapath, log });
  const gateways = () => new Set(known().map(({ gateway }) => gateway));
  const identify = createIdentify({ table, teller, ipam, datapath, gateways, log });
  const reconnector = createReconnector({ docker, log });
  // Docker may have a network of its own with the name of one of the cluster's.
  const isOurs = ({ network, networkId }: Attached) => dockerNetworks.get(networkId)?.name === network;
  return {
    ...{ table, addresses, endpoints, teller },
    connections: createConnections({ table, ipam, networks: known }),
    settle: createSettle({
      ...{ docker, table, endpoints, addresses, teller, reconnector, identify, ipam, isOurs, log },
    }),
  };
}
