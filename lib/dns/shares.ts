/** Takes a place for a client, and gives what gives it back; undefined: there is none for it now. */
export type Shares = (client: string) => (() => void) | undefined;

/**
 * Shares places among clients, of which any may want all: each may hold as many as are free. So one alone gets half of
 * them, two a third each, and there is always some left for one that comes new (dynamic thresholds: Choudhury and Hahne,
 * 1998).
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
