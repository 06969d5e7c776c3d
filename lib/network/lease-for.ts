import { insist } from '../concurrency/insist.js';
import type { Container } from '../docker/docker.js';
import { AppError } from '../errors.js';
import type { Network } from '../types.js';
import type { Ipam, Lease } from './ipam.js';
import { ADDRESS_LABEL, namesOf } from './labels.js';
import type { Networks } from './networks.js';

/**
 * The lease of a container that is to run on a network, made where there is none. `fresh`: it was made now. Throws what
 * `Ipam.acquire` throws, and `notFound` with advice when there is no such network.
 */
export function leaseFor(
  container: Container,
  networkId: string,
  { networks, ipam }: { networks: Pick<Networks, 'find' | 'get'>; ipam: Pick<Ipam, 'acquire'> },
): Promise<{ network: Network; lease: Lease; fresh: boolean }> {
  return insist(async () => {
    const record = await networks.find(networkId);
    if (!record) {
      await networks.get(networkId);
      throw new AppError('unavailable', `network ${networkId} is being changed: try again`);
    }
    const acquired = await ipam.acquire(record, container.id, {
      requested: container.labels[ADDRESS_LABEL],
      description: { names: namesOf(container), up: true },
    });
    return { network: record.network, ...acquired };
  });
}
