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
  /**
   * What a Docker network was made from, if that is known: it is that network's, however Docker reports it. Otherwise a
   * difference that Docker itself makes would have it made anew for ever.
   */
  madeFrom: (id: string) => Network | undefined;
}

/** What makes Docker's networks those of the cluster, removals first. Pure. */
export function planFanOut({ wanted, there, isHeld, wasOurs, madeFrom }: FanOutFacts): FanOutStep[] {
  const removals: FanOutStep[] = [];
  const others: FanOutStep[] = [];
  const byName = new Map(wanted.map((network) => [network.id, network]));
  /** Names of which Docker has the cluster's network, and of which it has another that stays. */
  const matched = new Set<string>();
  const blocked = new Set<string>();

  for (const network of there) {
    const { id, name } = network;
    if (isHeld(name)) continue;
    const target = byName.get(name);
    const problem = problemOf(network, target !== undefined);
    if (problem !== undefined) {
      blocked.add(name);
      others.push({ do: 'report', name, problem });
    } else if (network.driver !== DRIVER) continue;
    else if (
      target &&
      !matched.has(name) &&
      (isSame(target, network) || isDeepStrictEqual(madeFrom(id), target))
    ) {
      matched.add(name);
      others.push({ do: 'know', name, id, subnet: target.subnet });
    } else if (target || wasOurs(network)) removals.push({ do: 'remove', name, id });
    else others.push({ do: 'adopt', name, found: network });
  }
  for (const network of wanted) {
    const { id: name } = network;
    if (!matched.has(name) && !blocked.has(name) && !isHeld(name))
      others.push({ do: 'create', name, network });
  }
  return [...removals, ...others];
}

/** Why a network of Docker's can be neither used nor replaced. */
function problemOf({ name, driver, ipamDriver }: DockerNetwork, isWanted: boolean): string | undefined {
  if (driver !== DRIVER) {
    return isWanted
      ? `Docker has a network ${name} of its own (driver ${driver}) on this host: remove it, and SocketPlane's takes its place`
      : undefined;
  }
  return ipamDriver === DRIVER
    ? undefined
    : `Docker's network ${name} takes its addresses from another IPAM driver (${ipamDriver}): \`docker network rm ${name}\``;
}

/** Whether Docker's record is the one of this network, and not of one that had its name before. */
function isSame({ subnet, gateway, settings = {} }: Network, docker: DockerNetwork): boolean {
  return (
    subnet === docker.subnet &&
    (docker.gateway === undefined || gateway === docker.gateway) &&
    (settings.internal ?? false) === docker.internal &&
    settings.range === docker.range &&
    isDeepStrictEqual(settings.aux ?? {}, docker.aux) &&
    isDeepStrictEqual(settings.labels ?? {}, docker.labels) &&
    isDeepStrictEqual(settings.options ?? {}, docker.options)
  );
}
