import { AppError } from '../base/errors.js';
import { parseSubnet } from '../base/ipv4.js';

/** A subnet that Docker was told to be free is offered to nobody else for this long, in milliseconds. */
const OFFER_MS = 30_000;
const PREFIX = 'socketplane/';

/** Our name for the pool of a subnet: the subnet itself, so that there is nothing to remember. */
export function poolOf(subnet: string): string {
  return PREFIX + subnet;
}

/** The subnet of a pool, CIDR. Throws `invalid` for a pool that is not ours. */
export function subnetOf(pool: string): string {
  const subnet = pool.startsWith(PREFIX) ? pool.slice(PREFIX.length) : '';
  if (subnet === '') throw new AppError('invalid', `${JSON.stringify(pool)} is not one of SocketPlane's pools`);
  return parseSubnet(subnet).text;
}

/** Subnets that Docker was offered for networks it has not made yet. */
export interface Offers {
  add(subnet: string): void;
  drop(subnet: string): void;
  list(): string[];
}

export function createOffers(now: () => number = Date.now): Offers {
  const offers = new Map<string, number>();
  return {
    add: (subnet) => void offers.set(subnet, now()),
    drop: (subnet) => void offers.delete(subnet),
    list() {
      for (const [subnet, at] of offers) if (now() - at > OFFER_MS) offers.delete(subnet);
      return [...offers.keys()];
    },
  };
}
