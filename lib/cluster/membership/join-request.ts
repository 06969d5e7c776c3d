import type { ClusterConfig } from '../../config/cluster.js';
import { AppError, messageOf } from '../../base/errors.js';
import { askAdmission } from '../admission/client.js';
import { chooseCluster } from '../discovery/choose-cluster.js';
import type { Member } from './state-file.js';
import { deriveSecrets, generateKey } from '../admission/key.js';
import type { DiscoveredMember } from '../discovery/mdns.js';

/** The first member of a new cluster. */
export function foundMember({ name, key }: ClusterConfig): Member {
  return {
    name,
    key: key ?? generateKey(),
    generated: key === undefined,
    peers: [],
    server: true,
    bootstrap: true,
  };
}

/**
 * A member of the cluster that hosts with these addresses belong to. Its key is what the user gave, or what the first of
 * them that answers says.
 */
export async function joiningMember(
  config: ClusterConfig,
  hostId: string,
  addresses: string[],
): Promise<Member> {
  const { name } = config;
  const joining = { name, server: false, bootstrap: false };
  if (config.key !== undefined) return { ...joining, key: config.key, generated: false, peers: addresses };
  const refused: unknown[] = [];
  for (const address of addresses) {
    try {
      const { key, peers } = await askAdmission({ address, cluster: name, hostId });
      return { ...joining, key, generated: true, peers: [...new Set([address, ...peers])] };
    } catch (error) {
      refused.push(error);
    }
  }
  throw new AppError('unavailable', refused.map(messageOf).join('; '), { cause: refused[0] });
}

/** Settings that say otherwise than the cluster to which the host belongs: they count when it joins one, not before. */
export function disregarded({ name, key }: ClusterConfig, member: Member): string[] {
  return [
    ...(name === member.name ? [] : ['cluster.name']),
    ...(key === undefined || key === member.key ? [] : ['cluster.key']),
  ];
}

/** Addresses of members that multicast DNS has found. @throws AppError `notFound` that says why there are none */
export function findPeers(config: ClusterConfig, discovered: Iterable<DiscoveredMember>): string[] {
  const { name, key } = config;
  const choice = chooseCluster([...discovered], name, key && deriveSecrets(name, key).fingerprint);
  if (choice.peers) return choice.peers;
  throw new AppError('notFound', choice.problem ?? `no cluster ${name} has been found on this segment yet`);
}
