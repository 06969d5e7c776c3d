/** Takes a place for a client, and returns a function that gives it back; undefined when there is none for it now. */
export type Shares = (client: string) => (() => void) | undefined;

/**
 * Shares places among clients, any of which may want them all: each may hold as many as are free. So a single client gets
 * half of them, two get a third each, and some are always left for a new one (dynamic thresholds: Choudhury and Hahne, 1998).
 */
export function createShares(places: number): Shares {
  const held = new Map<string, number>();
  let free = places;
  return (client) => {
    const own = held.get(client) ?? 0;
    if (own >= free) return undefined;
    held.set(client, own + 1);
    free--;
    return () => {
      free++;
      const left = (held.get(client) ?? 0) - 1;
      if (left > 0) held.set(client, left);
      else held.delete(client);
    };
  };
}
