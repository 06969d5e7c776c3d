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

interface News {
  /** Those of this name that are gone, as {@link identityOf} tells them. */
  gone: Set<string>;
  /** What has the name now; undefined when nothing has. */
  made: Network | undefined;
  timer: NodeJS.Timeout;
}

/** @param onExpired called when a change has not been heard of for too long, and does not count any more */
export function createOwnNews(onExpired: () => void): OwnNews {
  const news = new Map<string, News>();

  function forget(name: string): void {
    clearTimeout(news.get(name)?.timer);
    news.delete(name);
  }

  function note(name: string, gone: Iterable<string>, made: Network | undefined): void {
    forget(name);
    const expire = () => {
      forget(name);
      onExpired();
    };
    news.set(name, { gone: new Set(gone), made, timer: setTimeout(expire, HEARD_MS).unref() });
  }
  const goneOf = (name: string) => news.get(name)?.gone ?? [];

  return {
    // One that was removed before it may still be heard of under its name.
    made: (network) => note(network.id, goneOf(network.id), network),
    gone: (network) => note(network.id, [...goneOf(network.id), identityOf(network)], undefined),
    applyTo(heard) {
      const result = new Map(heard.map((network) => [network.id, network]));
      for (const [name, { gone, made }] of [...news]) {
        const known = result.get(name);
        const isOutdated = known ? gone.has(identityOf(known)) : made !== undefined;
        if (!isOutdated) forget(name);
        else if (made) result.set(name, made);
        else result.delete(name);
      }
      return [...result.values()];
    },
  };
}

/** Tells a network from another that has its name. */
const identityOf = ({ vni, subnet }: Network) => `${vni} ${subnet}`;
