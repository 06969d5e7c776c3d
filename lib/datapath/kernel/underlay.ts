import { z } from 'zod';
import type { Run } from '../../os/exec.js';
import type { Underlay } from '../../base/model.js';
import { defaultRouteDevice } from '../../os/default-route.js';

/** What VXLAN over IPv4 adds to a container's IP packet, in bytes: inner Ethernet 14, VXLAN 8, UDP 8, outer IP 20. */
export const TUNNEL_OVERHEAD = 50;
const ETHERNET_MTU = 1500;

const deviceList = z.array(
  z.object({
    mtu: z.number().default(ETHERNET_MTU),
    addr_info: z.array(z.object({ family: z.string(), local: z.string().optional() })).default([]),
  }),
);

export interface UnderlayState {
  /** Device of the default route. */
  uplink: string | undefined;
  /** The device and address from which tunnels are sent. */
  tunnels: Pick<Underlay, 'device' | 'address'> | undefined;
  /** MTU of a container's link: what a tunnel leaves of the underlay's own. */
  mtu: number;
}

/** Reads the underlay once, and again after it was told to forget it or has failed. */
export function createUnderlayReader(
  run: Run,
  chosen: () => Underlay | undefined,
  readRoutes?: () => Promise<string>,
) {
  let known: Promise<UnderlayState> | undefined;
  const forget = () => void (known = undefined);
  return {
    read(): Promise<UnderlayState> {
      known ??= readUnderlay(run, chosen(), readRoutes).catch((error: unknown) => {
        forget();
        throw error;
      });
      return known;
    },
    forget,
  };
}

/** @param chosen the device to which this host is bound; undefined means that of the default route */
async function readUnderlay(
  run: Run,
  chosen: Underlay | undefined,
  readRoutes?: () => Promise<string>,
): Promise<UnderlayState> {
  const uplink = await defaultRouteDevice(readRoutes);
  const device = chosen?.device ?? uplink;
  if (device === undefined) {
    return { uplink, tunnels: undefined, mtu: ETHERNET_MTU - TUNNEL_OVERHEAD };
  }
  const text = await run(['ip', '-json', 'address', 'show', 'dev', device]);
  const [found] = deviceList.parse(JSON.parse(text || '[]'));
  const own = found?.addr_info.find(({ family }) => family === 'inet')?.local;
  const address = chosen?.address ?? own;
  return {
    uplink,
    tunnels: address === undefined ? undefined : { device, address },
    mtu: (found?.mtu ?? ETHERNET_MTU) - TUNNEL_OVERHEAD,
  };
}
