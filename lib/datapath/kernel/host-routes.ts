import { z } from 'zod';
import { parseCidr } from '../../base/ipv4.js';
import type { Run } from '../../os/exec.js';
import { isGatewayName } from '../device-names.js';

const routes = z.array(
  z.object({
    type: z.string().default('unicast'),
    dst: z.string(),
    gateway: z.string().optional(),
    dev: z.string().default(''),
  }),
);

/** Routes so wide that they are another way to say `default`, as some VPNs have two halves of it: bits of the prefix. */
const WIDEST = 4;

/** What this host reaches somewhere else than in its networks: a subnet, CIDR, or one address, and what it is, for people. */
export interface ForeignRoute {
  subnet: string;
  what: string;
}

/** What `ip` calls a device that went between its looking at the routes and at the devices; or one whose name is just so. */
const NAMELESS = /^if\d+$/;
/** How often the routes are read again for such devices. */
const LOOKS = 3;

/**
 * IPv4 addresses that are in use around this host: those of its routes in all tables, those that rules lead to included, its own,
 * its routers', and its name servers'. What is reached through our gateways, and through the default route alone, is none of them.
 *
 * @param nameServers addresses
 */
export async function hostRoutes(run: Run, nameServers: readonly string[] = []): Promise<ForeignRoute[]> {
  const read = async () =>
    routes.parse(JSON.parse((await run(['ip', '-4', '-json', 'route', 'show', 'table', 'all'])) || '[]'));
  let found = await read();
  for (let look = 1; look < LOOKS && found.some(({ dev }) => NAMELESS.test(dev)); look++)
    found = await read();
  const all = found.flatMap(({ type, dst, gateway, dev }): ForeignRoute[] => {
    if (isGatewayName(dev) || dev === 'lo') return [];
    const router =
      gateway === undefined ? [] : [{ subnet: gateway, what: `the router ${gateway} (dev ${dev})` }];
    if (type === 'local') return [{ subnet: dst, what: `the address ${dst} (dev ${dev})` }];
    if (type !== 'unicast') return [];
    return [{ subnet: dst, what: `the route ${dst} (dev ${dev})` }, ...router];
  });
  const servers = nameServers.map((ip) => ({ subnet: ip, what: `the name server ${ip}` }));
  const seen = new Set<string>();
  return [...all, ...servers].filter(({ subnet, what }) => {
    const parsed = parseCidr(subnet);
    const isForeign = parsed !== undefined && parsed.prefix >= WIDEST && !subnet.startsWith('127.');
    return isForeign && !seen.has(what) && seen.add(what);
  });
}
