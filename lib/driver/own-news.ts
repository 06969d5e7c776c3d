import type { Network } from '../base/model.js';

/** How long the store may take to tell this host of its own change, in milliseconds. */
const HEARD_MS = 10_000;

/**
 * Changes that this host has made in the cluster and has not heard of yet. Without them, a network that was made a moment ago
 * would look like one that is gone.
 */
export interface OwnNews {
  made(network: Network): void;
  gone(network: Network): void;
  /** The networks as heard, with the changes that are still missing; those that are there are forgotten. */
  applyTo(heard: readonly Network[]): Network[];
}

/** @param onExpired called when a change has not been heard of for too long, and does not count any more */
export function createOwnNews(onExpired: () => void): OwnNews {
  const news = new Map<string, { network: Network; isGone: boolean; timer: NodeJS.Timeout }>();

  function forget(name: string): void {
    clearTimeout(news.get(name)?.timer);
    news.delete(name);
  }

  function note(network: Network, isGone: boolean): void {
    forget(network.id);
    const expire = () => {
      forget(network.id);
      onExpired();
    };
    news.set(network.id, { network, isGone, timer: setTimeout(expire, HEARD_MS).unref() });
  }

  return {
    made: (network) => note(network, false),
    gone: (network) => note(network, true),
    applyTo(heard) {
      const result = new Map(heard.map((network) => [network.id, network]));
      for (const [name, { network, isGone }] of [...news]) {
        const known = result.get(name);
        const isOutdated = isGone ? known?.vni === network.vni : known === undefined;
        if (!isOutdated) forget(name);
        else if (isGone) result.delete(name);
        else result.set(name, network);
      }
      return [...result.values()];
    },
  };
}
