import { retryBriefly } from '../../lib/concurrency/retry-briefly.js';
import { resolveNetwork } from '../../lib/docker/docker.js';
import { DRIVER } from '../../lib/docker/driver-names.js';
import type { AdapterOptions, Deps } from './deps.js';

/** What may be the beginning of an id of Docker's. */
const ID = /^[0-9a-f]{1,64}$/;

/** Adds to what the hooks act on how they find the network that a client means. */
export function withFind(options: AdapterOptions): Deps {
  const { networks, known, docker } = options;

  const byName = async (name: string) =>
    known().find(({ id }) => id === name) ?? (await retryBriefly(() => networks.find(name)))?.network;

  return {
    ...options,
    async find(reference) {
      const named = await byName(reference);
      if (named || !ID.test(reference)) return named;
      const found = resolveNetwork(reference, await docker.networks());
      return found?.driver === DRIVER ? byName(found.name) : undefined;
    },
  };
}
