import { AppError } from '../../lib/base/errors.js';
import type { Network } from '../../lib/base/model.js';
import { retryBriefly } from '../../lib/concurrency/retry-briefly.js';
import { resolveNetwork } from '../../lib/docker/docker.js';
import { DRIVER } from '../../lib/docker/driver-names.js';
import type { AdapterOptions, Deps } from './deps.js';

/** What may be the beginning of an id of Docker's. */
const ID = /^[0-9a-f]{1,64}$/;

/** Adds to what the hooks act on how they find the network that a client means. */
export function withFind(options: AdapterOptions): Deps {
  const { networks, docker, fanOut } = options;

  const named = async (name: string) =>
    networks.heard().find(({ id }) => id === name) ??
    (await retryBriefly(() => networks.find(name)))?.network;

  /** What Docker means by the reference. */
  const inDocker = async (reference: string) => resolveNetwork(reference, await docker.networks());

  async function byName(name: string): Promise<Network | undefined> {
    try {
      const network = await named(name);
      return network && fanOut.isForeign(network.id) ? undefined : network;
    } catch (error) {
      const isAway = error instanceof AppError && error.kind === 'unavailable';
      // Docker's own networks can be used while the store does not answer.
      if (isAway && ((await inDocker(name))?.driver ?? DRIVER) !== DRIVER) return undefined;
      throw error;
    }
  }

  return {
    ...options,
    named,
    async find(reference) {
      const network = await byName(reference);
      if (network || !ID.test(reference)) return network;
      const found = await inDocker(reference);
      return found?.driver === DRIVER ? named(found.name) : undefined;
    },
  };
}
