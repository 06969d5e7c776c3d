import { AppError } from '../base/errors.js';
import { parseSubnet } from '../base/ipv4.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';

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
  if (subnet === '')
    throw new AppError('invalid', `${JSON.stringify(pool)} is not one of SocketPlane's pools`);
  return parseSubnet(subnet).text;
}

/** Subnets that Docker was offered for networks it has not made yet. */
export interface Offers {
  /**
   * Offers a subnet, one choice after another, so that no two networks are offered the same.
   *
   * @param choose gets what is offered now, CIDR; returns the subnet to be offered. What it throws is thrown
   */
  make(choose: (offered: readonly string[]) => Promise<string>): Promise<string>;
  /** The network is made, or will not be. */
  drop(subnet: string): void;
}

export function createOffers(now = () => performance.now()): Offers {
  /** When each was offered. */
  const offers = new Map<string, number>();
  const lock = createKeyedLock();

  function current(): string[] {
    for (const [subnet, at] of offers) if (now() - at > OFFER_MS) offers.delete(subnet);
    return [...offers.keys()];
  }

  return {
    make: (choose) =>
      lock('', async () => {
        const subnet = await choose(current());
        offers.set(subnet, now());
        return subnet;
      }),
    drop: (subnet) => void offers.delete(subnet),
  };
}
