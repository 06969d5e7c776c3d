import { AppError } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { pause } from '../../concurrency/pause.js';
import type { ClusterConfig } from '../../config/cluster.js';
import { deriveSecrets } from '../key.js';
import type { Underlay } from '../../base/model.js';
import { chooseCluster } from './choose-cluster.js';
import { createDiscovered } from './discovered.js';
import { createMdns, silentMdns, type DiscoveredMember, type Mdns } from './mdns.js';

/** By then every member has answered, so that two clusters with the same name are both seen. */
const SETTLE_MS = 1_500;

/** Finds members of clusters on this host's segment. */
export interface Discovery {
  mdns: Mdns;
  /** Addresses of discovered members of the cluster with this fingerprint. */
  addressesOf(fingerprint: string): string[];
  /**
   * Addresses of members of the configured cluster. Waits until all have answered, if one has or `wait` is set.
   *
   * @throws AppError `notFound` that says why there are none
   */
  findPeers(underlay: Underlay, signal: AbortSignal, wait?: boolean): Promise<string[]>;
}

export function createDiscovery(hostId: string, config: ClusterConfig, log: Log): Discovery {
  const discovered = createDiscovered();
  const mdns = config.mdns ? createMdns({ hostId, onDiscovered: discovered.add, log }) : silentMdns;
  return {
    mdns,
    addressesOf: (fingerprint) =>
      discovered
        .current()
        .filter((member) => member.fingerprint === fingerprint)
        .map(({ address }) => address),
    async findPeers(underlay, signal, wait = false) {
      mdns.use([underlay]);
      if (wait || discovered.current().length > 0) await pause(SETTLE_MS, signal);
      return peersOf(config, discovered.current());
    },
  };
}

/** @throws AppError `notFound` that says why there are none */
export function peersOf({ name, key }: ClusterConfig, discovered: readonly DiscoveredMember[]): string[] {
  const choice = chooseCluster(discovered, name, key && deriveSecrets(name, key).fingerprint);
  if (choice.peers) return choice.peers;
  throw new AppError('notFound', choice.problem ?? `no cluster ${name} has been found on this segment yet`);
}
