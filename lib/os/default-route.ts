import { readFile } from 'node:fs/promises';

/** Flag of a route that refuses packets instead of sending them (linux/route.h, RTF_REJECT). */
const REJECT = 0x200;

/**
 * The device of this host's IPv4 default route with the lowest metric. Read from the kernel's table, which is cheap enough to
 * do every second.
 */
export async function defaultRouteDevice(
  readTable = () => readFile('/proc/net/route', 'utf8'),
): Promise<string | undefined> {
  return parseDefaultRoute(await readTable().catch(() => ''));
}

/** @param table the text of `/proc/net/route` */
export function parseDefaultRoute(table: string): string | undefined {
  const routes = table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map(([device = '', destination, , flags = '0', , , metric, mask]) => ({
      device,
      isDefault: destination === '00000000' && mask === '00000000',
      isRejected: (parseInt(flags, 16) & REJECT) !== 0,
      metric: Number(metric),
    }))
    .filter(({ isDefault, isRejected }) => isDefault && !isRejected)
    .sort((a, b) => a.metric - b.metric);
  return routes[0]?.device;
}
