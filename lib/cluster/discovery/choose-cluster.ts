import type { DiscoveredMember } from './mdns.js';

export interface Choice {
  /** Addresses of members of the one cluster that fits. */
  peers?: string[];
  /** Why nothing fits, where that may come as a surprise. */
  problem?: string;
}

/**
 * Which of the clusters on the segment is ours: the one with our name and, where the user gave a key, with our key.
 *
 * @param fingerprint of the key that the user gave
 */
export function chooseCluster(
  discovered: readonly DiscoveredMember[],
  name: string,
  fingerprint: string | undefined,
): Choice {
  const named = discovered.filter(({ cluster }) => cluster === name);
  // Without a key, only a cluster that gives out its own can be joined.
  const fitting = named.filter((seen) =>
    fingerprint === undefined ? seen.port !== 0 : seen.fingerprint === fingerprint,
  );
  const keys = new Set(fitting.map((seen) => seen.fingerprint));
  if (keys.size > 1) {
    const addresses = fitting.map(({ address }) => address).join(', ');
    return {
      problem: `there are ${keys.size} clusters ${name} here: say which by \`socketplane cluster join <address>\` (${addresses})`,
    };
  }
  if (fitting.length > 0) return { peers: [...new Set(fitting.map(({ address }) => address))] };
  if (named.length === 0) return {};
  return {
    problem:
      fingerprint === undefined
        ? `cluster ${name} is here, and has a key of its own: set cluster.key to the same`
        : `cluster ${name} is here, but with another key than cluster.key`,
  };
}
