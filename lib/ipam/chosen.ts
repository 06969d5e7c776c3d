/** How long an address is spared for a container that nobody has seen yet, in milliseconds: Docker may take so long to make it. */
const UNSEEN_MS = 600_000;

/**
 * The addresses that users chose for containers of this host. Such an address is leased only while its container runs; before
 * that, it is not given to one that takes any, as long as there is another: whoever makes several containers, as Compose does,
 * makes all of them before the first is started.
 */
export interface ChosenAddresses {
  /** A container that is about to be made will ask for the address. */
  add(network: string, ip: string): void;
  /** Those that the host's containers ask for, running or not: no others, but for what was added a short while ago. */
  set(all: Iterable<{ network: string; ip: string }>): void;
  on(network: string): Iterable<string>;
}

/** @param now milliseconds, by a clock that nobody sets */
export function createChosenAddresses(now: () => number): ChosenAddresses {
  /** By network: until when each is spared for a container that is not there yet. */
  const networks = new Map<string, Map<string, number>>();

  function put(network: string, ip: string, until: number): void {
    let addresses = networks.get(network);
    if (!addresses) networks.set(network, (addresses = new Map<string, number>()));
    addresses.set(ip, Math.max(until, addresses.get(ip) ?? 0));
  }

  return {
    add: (network, ip) => put(network, ip, now() + UNSEEN_MS),
    set(all) {
      const time = now();
      for (const [network, addresses] of networks) {
        for (const [ip, until] of addresses) if (until <= time) addresses.delete(ip);
        if (addresses.size === 0) networks.delete(network);
      }
      for (const { network, ip } of all) put(network, ip, 0);
    },
    on: (network) => networks.get(network)?.keys() ?? [],
  };
}
