/** Which containers of a network go by which name. Names are case-insensitive (RFC 4343). */
export interface Names {
  /** Addresses of the running containers of the network that have the name, in no particular order. */
  addresses(network: string, name: string): string[];
  /** All names of the running container at the address, its own first; empty where there is none. */
  namesAt(network: string, ip: string): readonly string[];
}

/** The names of the running containers of all hosts, as they come and go. */
export interface NameTable extends Names {
  /** @param names of the running container at the address, its own first; they replace those that were there */
  put(network: string, ip: string, names: readonly string[]): void;
  drop(network: string, ip: string): void;
}

export function createNameTable(): NameTable {
  const byNetwork = new Map<string, Map<string, Set<string>>>();
  /** The names under which an address is entered, by network and address. */
  const entered = new Map<string, readonly string[]>();

  function drop(network: string, ip: string): void {
    const key = `${network} ${ip}`;
    const names = byNetwork.get(network);
    for (const name of entered.get(key) ?? []) {
      const addresses = names?.get(name.toLowerCase());
      addresses?.delete(ip);
      if (addresses?.size === 0) names?.delete(name.toLowerCase());
    }
    if (names?.size === 0) byNetwork.delete(network);
    entered.delete(key);
  }

  return {
    put(network, ip, own) {
      drop(network, ip);
      let names = byNetwork.get(network);
      if (!names) byNetwork.set(network, (names = new Map<string, Set<string>>()));
      for (const name of own) {
        const addresses = names.get(name.toLowerCase());
        if (addresses) addresses.add(ip);
        else names.set(name.toLowerCase(), new Set([ip]));
      }
      entered.set(`${network} ${ip}`, own);
    },
    drop,
    addresses: (network, name) => [...(byNetwork.get(network)?.get(name.toLowerCase()) ?? [])],
    namesAt: (network, ip) => entered.get(`${network} ${ip}`) ?? [],
  };
}
