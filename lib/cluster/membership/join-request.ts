import type { ClusterConfig } from '../../config/cluster.js';
import { AppError, messageOf } from '../../base/errors.js';
import { askAdmission } from '../admission/client.js';
import { generateKey } from '../key.js';
import type { Member } from './state-file.js';

/** The first host of a new cluster. */
export function firstMember({ name, key }: ClusterConfig, vxlanPort?: number): Member {
  return {
    name,
    key: key ?? generateKey(),
    generated: key === undefined,
    peers: [],
    server: true,
    bootstrap: true,
    ...(vxlanPort !== undefined && { vxlanPort }),
  };
}

/**
 * A member of the cluster to which the hosts with these addresses belong. Its key is the configured one, or that of the first
 * of these hosts to admit this one.
 *
 * @throws AppError `unavailable` when a key is needed and no host gives it
 */
export async function requestMembership(
  config: ClusterConfig,
  hostId: string,
  addresses: readonly string[],
  ask: typeof askAdmission = askAdmission,
): Promise<Member> {
  const { name } = config;
  const member = { name, server: false, bootstrap: false };
  if (config.key !== undefined)
    return { ...member, key: config.key, generated: false, peers: [...addresses] };
  const failures: unknown[] = [];
  for (const address of addresses) {
    try {
      const { key, peers } = await ask({ address, cluster: name, hostId });
      return { ...member, key, generated: true, peers: [...new Set([address, ...peers])] };
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AppError('unavailable', failures.map(messageOf).join('; '), { cause: failures[0] });
}
