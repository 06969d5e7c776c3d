import { z } from 'zod';
import type { Run } from '../../os/exec.js';
import { isGatewayName } from '../device-names.js';

const routes = z.array(z.object({ dst: z.string(), dev: z.string().default('') }));

/** IPv4 routes of this host, except the default route and our gateways' routes. `subnet` is a CIDR or a bare address. */
export async function hostRoutes(run: Run): Promise<{ subnet: string; device: string }[]> {
  const found = routes.parse(JSON.parse((await run(['ip', '-4', '-json', 'route'])) || '[]'));
  return found
    .filter(({ dst, dev }) => dst !== 'default' && !isGatewayName(dev))
    .map(({ dst, dev }) => ({ subnet: dst, device: dev }));
}
