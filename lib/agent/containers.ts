import type { Log } from '../base/log.js';
import { succeeds } from '../base/succeeds.js';
import { peerName } from '../datapath/device-names.js';
import type { Datapath } from '../datapath/datapath.js';
import type { Attached, Docker } from '../docker/docker.js';
import type { DockerNetworks } from '../driver/docker-networks.js';
import { createAddresses, type Addresses } from '../endpoints/addresses.js';
import { createConnections, type Connections } from '../endpoints/connections.js';
import { createEndpoints, type Endpoints } from '../endpoints/endpoints.js';
import { createIdentify } from '../endpoints/identify.js';
import { createReconnector, type UnfinishedPlaces } from '../endpoints/reconnect.js';
import type { KeptJson } from '../os/kept-json.js';
import { createStartAgain } from '../endpoints/start-again.js';
import { createSettle, type Settle } from '../endpoints/settle.js';
import { createEndpointTable, type EndpointTable } from '../endpoints/table.js';
import { createTeller, type Teller } from '../endpoints/teller.js';
import type { Ipam } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
import type { Run } from '../os/exec.js';

/** How long Docker may take to move a link into its container, in milliseconds. */
const MOVE_MS = 30_000;

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
  dockerNetworks: Pick<DockerNetworks, 'get' | 'idOf'>;
  networks: Pick<Networks, 'find' | 'get' | 'recall' | 'heard'>;
  ipam: Ipam;
  datapath: Pick<Datapath, 'attach' | 'detach' | 'label'>;
  /** Places of containers that were taken off a network to be put on again. */
  reconnecting?: KeptJson<UnfinishedPlaces>;
  /** Called when something was left undone that nothing else tells of. */
  onUndone: () => void;
  run: Run;
  log: Log;
}): Containers {
  const { docker, dockerNetworks, networks, ipam, datapath, reconnecting, onUndone, run, log } = options;
  const table = createEndpointTable();
  const isOpen = (network: string, ip: string) => table.at(network, ip) !== undefined;

  const isOnHost = (device: string) => succeeds(run(['ip', 'link', 'show', 'dev', device]));

  /**
   * Whatever Docker has said: the kernel removes a link with the namespace of its container, and Docker moves the container's end
   * back to the host when the endpoint ends, until when it is not there.
   */
  async function isAlive(network: string, ip: string): Promise<boolean> {
    const entry = table.at(network, ip);
    if (!entry || entry.failure !== undefined) return false;
    const { portName, isAdopted, occupant, since } = entry;
    if (portName === undefined) return true;
    const isStarting = !isAdopted && !occupant && performance.now() - since < MOVE_MS;
    return (await isOnHost(portName)) && (isStarting || !(await isOnHost(peerName(portName))));
  }

  const teller = createTeller({ ipam, log });
  const addresses = createAddresses({ networks, ipam, teller, isOpen, isAlive, log });
  const endpoints = createEndpoints({ table, addresses, teller, ipam, datapath, log });
  const gateways = () => new Set(networks.heard().map(({ gateway }) => gateway));
  const identify = createIdentify({ table, teller, ipam, datapath, gateways, log });
  const reconnector = createReconnector({ docker, kept: reconnecting, log });
  // Docker may have a network of its own with the name of one of the cluster's.
  const isOurs = ({ network, networkId }: Attached) => dockerNetworks.get(networkId)?.name === network;
  return {
    ...{ table, addresses, endpoints, teller },
    connections: createConnections({ table, ipam, networks: networks.heard }),
    settle: createSettle({
      ...{ docker, table, endpoints, addresses, teller, reconnector, identify, ipam, isOurs, log },
      startAgain: createStartAgain({ docker, onFailure: onUndone, log }),
      currentId: dockerNetworks.idOf,
    }),
  };
}
