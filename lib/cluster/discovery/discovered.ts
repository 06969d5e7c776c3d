import type { DiscoveredMember } from './mdns.js';
import { TTL_S } from './message.js';

/** Members discovered by multicast DNS, one per address. */
export interface Discovered {
  add(member: DiscoveredMember): void;
  /**
   * Those whose records have not expired (RFC 6762, 10). A member may end without a goodbye and come back in another
   * cluster: it must not count for both for ever.
   */
  current(): DiscoveredMember[];
}

/** @param now a clock, in milliseconds */
export function createDiscovered(now: () => number = () => performance.now()): Discovered {
  const seen = new Map<string, { member: DiscoveredMember; expires: number }>();

  function removeExpired(): void {
    for (const [address, { expires }] of seen) if (expires <= now()) seen.delete(address);
  }

  return {
    add(member) {
      removeExpired();
      if (member.gone) seen.delete(member.address);
      else seen.set(member.address, { member, expires: now() + TTL_S * 1_000 });
    },
    current() {
      removeExpired();
      return [...seen.values()].map(({ member }) => member);
    },
  };
}
