import type { Network, Remote } from '../base/model.js';

/** What is known about endpoints on other hosts, whether or not there is a tunnel to them. */
export interface Remotes {
  get(network: Network, ip: string): Remote | undefined;
  /** Returns whether the network has gained a peer, or lost one. */
  put(remote: Remote): boolean;
  drop(network: Network, ip: string): boolean;
  clear(): void;
  all(): Remote[];
  at(peer: string): Remote[];
  /** Hosts with an endpoint on the network. */
  peersOf(network: Network): string[];
}

export function createRemotes(): Remotes {
  const remotes = new Map<string, Remote>();
  /** How many endpoints each peer has, by VNI, so that a change need not look at all of them. */
  const counts = new Map<number, Map<string, number>>();
  const key = (network: Network, ip: string) => `${network.vni} ${ip}`;

  function count({ network, peer }: Remote, by: 1 | -1): boolean {
    const peers = counts.get(network.vni) ?? new Map<string, number>();
    counts.set(network.vni, peers);
    const before = peers.get(peer) ?? 0;
    if (before + by > 0) peers.set(peer, before + by);
    else peers.delete(peer);
    return before === 0 || before + by === 0;
  }

  function drop(network: Network, ip: string): boolean {
    const remote = remotes.get(key(network, ip));
    if (!remote) return false;
    remotes.delete(key(network, ip));
    return count(remote, -1);
  }

  return {
    get: (network, ip) => remotes.get(key(network, ip)),
    put(remote) {
      if (remotes.get(key(remote.network, remote.ip))?.peer === remote.peer) {
        remotes.set(key(remote.network, remote.ip), remote);
        return false;
      }
      const lost = drop(remote.network, remote.ip);
      remotes.set(key(remote.network, remote.ip), remote);
      return count(remote, 1) || lost;
    },
    drop,
    clear() {
      remotes.clear();
      counts.clear();
    },
    all: () => [...remotes.values()],
    at: (peer) => [...remotes.values()].filter((remote) => remote.peer === peer),
    peersOf: (network) => [...(counts.get(network.vni)?.keys() ?? [])],
  };
}
