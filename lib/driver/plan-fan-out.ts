import { isDeepStrictEqual } from 'node:util';
import type { Network } from '../base/model.js';
import type { DockerNetwork } from '../docker/docker.js';
import { DRIVER } from '../docker/driver-names.js';

/**
 * - `create`, `remove`: in Docker.
 * - `adopt`: into the cluster, a network that somebody made in Docker without us.
 * - `know`: that Docker's network is the cluster's.
 * - `report`: what only people can mend.
 */
export type FanOutStep = { name: string } & (
  | { do: 'create'; network: Network }
  | { do: 'remove'; id: string }
  | { do: 'adopt'; found: DockerNetwork }
  | { do: 'know'; id: string; subnet: string }
  | { do: 'report'; problem: string }
);

export interface FanOutFacts {
  /** The cluster's networks. */
  wanted: readonly Network[];
  /** All of Docker's, whatever their drivers. */
  there: readonly DockerNetwork[];
  /** Whether a client's call is about to change the network of this name. */
  isHeld: (name: string) => boolean;
  /** Whether Docker's network was the cluster's before: one that never was is somebody's wish to have it. */
  wasOurs: (network: DockerNetwork) => boolean;
}

/** What makes Docker's networks those of the cluster, removals first. Pure. */
export function planFanOut({ wanted, there, isHeld, wasOurs }: FanOutFacts): FanOutStep[] {
  const removals: FanOutStep[] = [];
  const others: FanOutStep[] = [];
  const byName = new Map(wanted.map((network) => [network.id, network]));
  const found = new Set<string>();

  for (const network of there) {
    const { id, name, driver, ipamDriver } = network;
    const target = byName.get(name);
    if (isHeld(name)) continue;
    if (driver !== DRIVER) {
      if (!target) continue;
      found.add(name);
      const problem = `Docker has a network ${name} of its own (driver ${driver}) on this host: remove it, and SocketPlane's takes its place`;
      others.push({ do: 'report', name, problem });
      continue;
    }
    if (ipamDriver !== DRIVER) {
      const problem = `Docker's network ${name} takes its addresses from another IPAM driver (${ipamDriver}): \`docker network rm ${name}\``;
      others.push({ do: 'report', name, problem });
      found.add(name);
    } else if (target && isSame(target, network) && !found.has(name)) {
      found.add(name);
      others.push({ do: 'know', name, id, subnet: target.subnet });
    } else if (target || wasOurs(network)) removals.push({ do: 'remove', name, id });
    else others.push({ do: 'adopt', name, found: network });
  }
  for (const network of wanted) {
    if (!found.has(network.id) && !isHeld(network.id)) others.push({ do: 'create', name: network.id, network });
  }
  return [...removals, ...others];
}

/** Whether Docker's record is the one of this network, and not of one that had its name before. */
function isSame({ subnet, settings }: Network, docker: DockerNetwork): boolean {
  return (
    subnet === docker.subnet &&
    (settings?.internal ?? false) === docker.internal &&
    isDeepStrictEqual(settings?.labels ?? {}, docker.labels)
  );
}
