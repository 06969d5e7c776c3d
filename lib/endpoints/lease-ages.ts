import type { Lease } from '../ipam/ipam.js';

/** Far longer than anybody waits for a lease to be used. */
const FORGET_MS = 600_000;

/**
 * For how long each lease that somebody asks about has been there, in milliseconds: counted from the first question, as the time in the
 * lease is one of day, which may have been set since.
 *
 * @param now milliseconds, by a clock that nobody sets
 */
export function createLeaseAges(now: () => number): (lease: Pick<Lease, 'id'>) => number {
  /** When each was first asked about, the oldest first. */
  const seen = new Map<string, number>();

  return ({ id }) => {
    const time = now();
    const since = seen.get(id);
    if (since !== undefined) return time - since;
    for (const [other, at] of seen) {
      if (time - at < FORGET_MS) break;
      seen.delete(other);
    }
    seen.set(id, time);
    return 0;
  };
}
