import type { Record } from './record.js';

/** Who has which address now, over all hosts: two at a time must never have the same. */
export interface Addresses {
  /** The container runs on the host with these, by network. */
  has(host: string, container: string, addresses: { [network: string]: string }): void;
  /** From now on others may have them. To be called before its end is asked for. */
  gives(container: string): void;
  /** Runs what ends a host's containers: from its beginning on others may have their addresses. */
  whileEnding<T>(host: string, task: () => Promise<T>): Promise<T>;
}

export function createAddresses(record: Record): Addresses {
  const owners = new Map<string, { host: string; container: string }>();
  const ending = new Set<string>();
  const forget = (which: (owner: { host: string; container: string }) => boolean) => {
    for (const [key, owner] of owners) if (which(owner)) owners.delete(key);
  };
  return {
    has(host, container, addresses) {
      if (ending.has(host)) return;
      for (const [network, address] of Object.entries(addresses)) {
        if (address === '') continue;
        const key = `${network} ${address}`;
        const owner = owners.get(key);
        if (owner !== undefined && owner.container !== container)
          record.found(
            `${address} of ${network} is that of ${owner.container} on ${owner.host} and of ${container} on ${host}`,
          );
        owners.set(key, { host, container });
      }
    },
    gives: (container) => forget((owner) => owner.container === container),
    async whileEnding(host, task) {
      ending.add(host);
      forget((owner) => owner.host === host);
      try {
        return await task();
      } finally {
        ending.delete(host);
      }
    },
  };
}
