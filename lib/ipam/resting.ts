import type { Lease } from './blocks.js';
import type { LeaseIndex } from './lease-index.js';

/**
 * Milliseconds that an address rests after it was given back: others may still have it in their caches of ARP and names, or
 * in connections that are about to end.
 */
export const REST_MS = 60_000;

/** The addresses of one network that rest at one moment. */
export interface Resting {
  has(ip: string): boolean;
  /**
   * How many of them lie in a block.
   *
   * @param first the block's first address
   */
  within(first: number): number;
  /** All of them, those that have rested longest first. */
  inOrder(): Iterable<string>;
}

interface Entry {
  /** By the clock of this process. */
  since: number;
  /** First address of the block. */
  first: number;
}

const NONE: Resting = { has: () => false, within: () => 0, inOrder: () => [] };

/**
 * Follows the index: the rest of an address is counted from when this process learned that it was given back, by whichever
 * host. What has rested is forgotten as it expires.
 *
 * @param firstOf the first address of a lease's block
 * @param now milliseconds, by a clock that nobody sets
 * @returns what rests on a network now; to be used at once
 */
export function createRestingAddresses(
  index: Pick<LeaseIndex, 'subscribe'>,
  firstOf: (lease: Lease) => number,
  now: () => number,
): (network: string) => Resting {
  const networks = new Map<string, OneNetwork>();

  function prune(): void {
    const time = now();
    for (const [id, network] of networks) {
      network.prune(time);
      if (network.size === 0) networks.delete(id);
    }
  }

  index.subscribe(({ put, drop }) => {
    if (drop.length > 0) prune();
    const since = now();
    for (const lease of drop) {
      let network = networks.get(lease.network);
      if (!network) networks.set(lease.network, (network = new OneNetwork()));
      network.add(lease.ip, { since, first: firstOf(lease) });
    }
    // In a change that gives an address to another, it is in both lists.
    for (const { network, ip } of put) networks.get(network)?.remove(ip);
  });

  return (id) => {
    const network = networks.get(id);
    network?.prune(now());
    return network ?? NONE;
  };
}

class OneNetwork implements Resting {
  /** By address, in the order of `since`. */
  private readonly entries = new Map<string, Entry>();
  /** How many there are, by first address of their block. */
  private readonly counts = new Map<number, number>();

  get size(): number {
    return this.entries.size;
  }

  has(ip: string): boolean {
    return this.entries.has(ip);
  }

  within(first: number): number {
    return this.counts.get(first) ?? 0;
  }

  inOrder(): Iterable<string> {
    return this.entries.keys();
  }

  /** Nothing is given back twice without having been leased, and so removed, in between. */
  add(ip: string, entry: Entry): void {
    this.entries.set(ip, entry);
    this.counts.set(entry.first, this.within(entry.first) + 1);
  }

  remove(ip: string): void {
    const entry = this.entries.get(ip);
    if (!entry) return;
    this.entries.delete(ip);
    const left = this.within(entry.first) - 1;
    if (left > 0) this.counts.set(entry.first, left);
    else this.counts.delete(entry.first);
  }

  prune(time: number): void {
    for (const [ip, { since }] of this.entries) {
      if (time - since < REST_MS) return;
      this.remove(ip);
    }
  }
}
