import type { ClusterConfig } from '../../config/cluster.js';
import type { ClusterState, Member } from './state-file.js';

/**
 * `resume`: be the member that this host was. `bootstrap`: begin a cluster. `search`: find one and join it. `wait`: belong to
 * none until a command says otherwise.
 */
export type StartPlan = 'resume' | 'bootstrap' | 'search' | 'wait';

/** What an agent does when it starts. What a host already is takes precedence over what its configuration asks for. */
export function startPlan(config: ClusterConfig, saved: ClusterState): StartPlan {
  if (saved.member) return 'resume';
  if (config.bootstrap === true) return 'bootstrap';
  const hasPlaceToLook = saved.interface !== undefined || config.join.length > 0;
  return config.bootstrap === false || hasPlaceToLook ? 'search' : 'wait';
}

/** Settings that contradict the cluster to which this host belongs. They apply again when it joins another. */
export function ignoredSettings({ name, key }: ClusterConfig, member: Member): string[] {
  return [
    ...(name === member.name ? [] : ['cluster.name']),
    ...(key === undefined || key === member.key ? [] : ['cluster.key']),
  ];
}
