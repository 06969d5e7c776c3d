import { AppError } from '../base/errors.js';
import { until } from '../concurrency/until.js';
import type { Network, NetworkRecord } from '../base/model.js';
import type { Addresses } from '../endpoints/addresses.js';
import type { Endpoints } from '../endpoints/endpoints.js';
import type { Networks } from '../network/networks.js';
import type { DockerNetworks } from './docker-networks.js';
import type { Makings } from './makings.js';
import type { Offers } from './pools.js';

/** What the handlers of Docker's calls act on. None of it asks Docker: Docker holds locks while it waits for an answer. */
export interface Driver {
  networks: Pick<Networks, 'find' | 'recall' | 'heard' | 'list' | 'freeSubnet' | 'overlapping'>;
  addresses: Pick<Addresses, 'request' | 'isLeased' | 'giveBack'>;
  endpoints: Pick<Endpoints, 'open' | 'join' | 'end'>;
  dockerNetworks: DockerNetworks;
  offers: Offers;
  makings: Makings;
}

/** How long a container's start waits for a network that was made a moment ago, in milliseconds. */
const NEWS_MS = 5_000;

/**
 * The cluster's network that Docker knows by this id. Waits a moment for one whose name Docker has not told yet. Throws
 * `notFound`.
 */
export async function networkById({ dockerNetworks, networks }: Driver, id: string): Promise<NetworkRecord> {
  return until(
    async () => {
      const known = dockerNetworks.get(id);
      if (known?.name === undefined) {
        throw new AppError(
          'notFound',
          `SocketPlane does not know this network of Docker's (${id.slice(0, 12)}): \`socketplane doctor\` says more`,
        );
      }
      const record = networks.recall(known.name) ?? (await networks.find(known.name));
      if (!record) throw new AppError('notFound', `network ${known.name} is no longer in the cluster`);
      return record;
    },
    { timeout: NEWS_MS },
  );
}

/** The cluster's network that has this subnet, CIDR. Undefined when there is none. */
export async function networkBySubnet({ networks }: Driver, subnet: string): Promise<Network | undefined> {
  const isIt = (network: Network) => network.subnet === subnet;
  return networks.heard().find(isIt) ?? (await networks.list()).find(isIt);
}
