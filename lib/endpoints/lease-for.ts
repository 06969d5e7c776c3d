import { retryBriefly } from '../concurrency/retry-briefly.js';
import type { Container } from '../docker/docker.js';
import { AppError } from '../base/errors.js';
import type { Network, NetworkRecord } from '../base/model.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import { ADDRESS_LABEL, namesOf } from '../docker/labels.js';
import type { Networks } from '../network/networks.js';

/**
 * The lease of a container that is to run on a network, made if there is none. `fresh`: whether it was made now. Throws what
 * `Ipam.acquire` throws, and `notFound` with advice when there is no such network.
 */
export function leaseFor(
  container: Container,
  networkId: string,
  { networks, ipam }: { networks: Pick<Networks, 'find' | 'get' | 'recall'>; ipam: Pick<Ipam, 'acquire'> },
): Promise<{ network: Network; lease: Lease; fresh: boolean }> {
  const options = {
    requested: container.labels[ADDRESS_LABEL],
    description: { names: namesOf(container), up: true },
  };

  async function acquire(record: NetworkRecord) {
    return { network: record.network, ...(await ipam.acquire(record, container.id, options)) };
  }

  return retryBriefly(async () => {
    const known = networks.recall(networkId);
    if (known) {
      try {
        return await acquire(known);
      } catch (error) {
        // The network has changed since it was last heard of: look it up.
        if (!(error instanceof AppError && error.kind === 'notFound')) throw error;
      }
    }
    const record = await networks.find(networkId);
    if (record) return acquire(record);
    await networks.get(networkId);
    throw new AppError('unavailable', `network ${networkId} is being changed: try again`);
  });
}
