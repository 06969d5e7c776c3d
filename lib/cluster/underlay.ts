import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import ipaddr from 'ipaddr.js';
import { AppError } from '../base/errors.js';
import type { Run } from '../os/exec.js';

/** What carries the cluster: its traffic, and the containers' in tunnels. */
export interface Underlay {
  device: string;
  address: string;
  /** The device's own segment, for one `192.168.1.7/24`. */
  cidr: string;
}

export interface UnderlayFinder {
  /**
   * @param device undefined: that of the default route
   * @returns undefined while there is no such device, it is down, or has no IPv4 address
   */
  find(device?: string): Promise<Underlay | undefined>;
  /** What it is now, then each change, until `signal` aborts. `device` is asked anew at each look. */
  watch(device: () => string | undefined, signal: AbortSignal): AsyncIterable<Underlay | undefined>;
}

/** @param device undefined: that of the default route. @throws AppError `unavailable` that says what is missing */
export async function needUnderlay(underlays: UnderlayFinder, device: string | undefined): Promise<Underlay> {
  const found = await underlays.find(device);
  if (found) return found;
  throw new AppError(
    'unavailable',
    device === undefined
      ? 'no default route tells which device carries the cluster: name it by `socketplane cluster bind <device>`'
      : `device ${device} is not there, is down or has no IPv4 address, so it cannot carry the cluster`,
  );
}

export interface UnderlayOptions {
  run: Run;
  /** Milliseconds between two looks of a watch. */
  every?: number;
  /** For tests. */
  interfaces?: typeof networkInterfaces;
  routes?: () => Promise<string>;
}

export function createUnderlayFinder({
  run,
  every = 1_000,
  interfaces = networkInterfaces,
  routes = () => readFile('/proc/net/route', 'utf8'),
}: UnderlayOptions): UnderlayFinder {
  /** Found once by a command; asked again when it has no address any more. */
  const bridges = new Map<string, string>();

  function addressOf(device: string): Underlay | undefined {
    const found = interfaces()[device]?.find(({ family, internal }) => family === 'IPv4' && !internal);
    return found && { device, address: found.address, cidr: found.cidr ?? `${found.address}/32` };
  }

  /** A host's address may lie on the Open vSwitch bridge (`br-phy`) that its device is a port of. */
  async function onBridge(port: string): Promise<Underlay | undefined> {
    const known = bridges.get(port);
    const underlay = known === undefined ? undefined : addressOf(known);
    if (underlay) return underlay;
    const bridge = (await run(['ovs-vsctl', '--timeout=2', 'iface-to-br', port]).catch(() => '')).trim();
    if (bridge === '') return undefined;
    bridges.set(port, bridge);
    return addressOf(bridge);
  }

  async function find(named?: string): Promise<Underlay | undefined> {
    const device = named ?? defaultRoute(await routes().catch(() => ''));
    return device === undefined ? undefined : (addressOf(device) ?? (await onBridge(device)));
  }

  return {
    find,
    async *watch(device, signal) {
      let last: string | undefined;
      while (!signal.aborted) {
        const underlay = await find(device());
        const text = JSON.stringify(underlay ?? null);
        if (text !== last) yield underlay;
        last = text;
        await sleep(every, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** The device of the default route with the lowest metric, from the kernel's table (`/proc/net/route`). */
function defaultRoute(table: string): string | undefined {
  const routes = table
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  return routes[0]?.[0];
}

/** Whether an address lies on the underlay's own segment. */
export function onSegment(underlay: Underlay, address: string): boolean {
  if (!ipaddr.IPv4.isValidFourPartDecimal(address)) return false;
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(underlay.cidr));
}
