import { overlaps, parseCidr } from '../../../base/ipv4.js';
import { ok, type Check } from '../../check.js';

/**
 * Whether this host reaches addresses somewhere else that are in one of our networks, whose route hides them. No network is made
 * over such addresses; but a VPN may have come up since, or the host moved into another LAN.
 */
export function subnetsCheck({
  networks,
  routes,
}: {
  networks: () => Promise<{ id: string; subnet: string }[]>;
  /** CIDRs or single addresses, and what they are, for people. */
  routes: () => Promise<{ subnet: string; what: string }[]>;
}): Check {
  return {
    name: 'subnets',
    needs: 'store',
    async inspect() {
      const around = await routes();
      const found = (await networks()).flatMap(({ id, subnet }) => {
        const hidden = around.find((one) => overlaps(parseCidr(subnet)!, parseCidr(one.subnet)!));
        if (!hidden) return [];
        return {
          level: 'warning' as const,
          message: `network ${id} (${subnet}) and ${hidden.what} of this host share addresses: one hides the other`,
          advice: `make ${id} again with another subnet, or take the route away`,
        };
      });
      return found.length > 0 ? found : [ok('no network hides what this host reaches elsewhere')];
    },
  };
}
