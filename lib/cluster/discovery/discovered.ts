import type { Sighting } from './mdns.js';
import { TTL_S } from './message.js';

/** Members that multicast DNS has told of, by address. */
export interface Sightings {
  add(sighting: Sighting): void;
  /**
   * Those that are believed still (RFC 6762, 10): a member that ended without a goodbye, and came back as that of another
   * cluster, must not make two clusters of one for ever.
   */
  current(): Sighting[];
}

/** @param now milliseconds */
export function createSightings(now: () => number = () => performance.now()): Sightings {
  const seen = new Map<string, { sighting: Sighting; until: number }>();

  function forget(): void {
    for (const [address, { until }] of seen) if (until <= now()) seen.delete(address);
  }

  return {
    add(sighting) {
      forget();
      if (sighting.gone) seen.delete(sighting.address);
      else seen.set(sighting.address, { sighting, until: now() + TTL_S * 1_000 });
    },
    current() {
      forget();
      return [...seen.values()].map(({ sighting }) => sighting);
    },
  };
}
