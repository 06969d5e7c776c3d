import type { Lease } from '../ipam/blocks.js';
import type { LeaseIndex } from '../ipam/lease-index.js';

/** Which containers of a network go by which name. Names are case-insensitive (RFC 4343). */
export interface Names {
  /** Addresses of the running containers of the network that have the name, in no particular order. */
  addresses(network: string, name: string): string[];
  /** The own name of the running container at the address, if there is one. */
  nameOf(network: string, ip: string): string | undefined;
}

/** Follows the leases of all hosts. */
export function createNames(index: LeaseIndex): Names {
  const byNetwork = new Map<string, Map<string, Set<string>>>();
  /** The names under which an address is entered, by network and address. */
  const entered = new Map<string, string[]>();

  function remove({ network, ip }: Lease): void {
    const key = `${network} ${ip}`;
    const names = byNetwork.get(network);
    for (const name of entered.get(key) ?? []) {
      const addresses = names?.get(name);
      addresses?.delete(ip);
      if (addresses?.size === 0) names?.delete(name);
    }
    entered.delete(key);
  }

  function add(lease: Lease): void {
    remove(lease);
    if (!lease.up) return;
    let names = byNetwork.get(lease.network);
    if (!names) byNetwork.set(lease.network, (names = new Map<string, Set<string>>()));
    const folded = lease.names.map((name) => name.toLowerCase());
    for (const name of folded) {
      const addresses = names.get(name);
      if (addresses) addresses.add(lease.ip);
      else names.set(name, new Set([lease.ip]));
    }
    entered.set(`${lease.network} ${lease.ip}`, folded);
  }

  for (const lease of index.all()) add(lease);
  index.subscribe(({ put, drop }) => {
    drop.forEach(remove);
    put.forEach(add);
  });

  return {
    addresses: (network, name) => [...(byNetwork.get(network)?.get(name.toLowerCase()) ?? [])],
    nameOf(network, ip) {
      const lease = index.at(network, ip);
      return lease?.up ? lease.names[0] : undefined;
    },
  };
}
