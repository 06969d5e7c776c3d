import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { AppError } from '../base/errors.js';
import type { Underlay } from '../base/model.js';
import { pause } from '../concurrency/pause.js';
import { defaultRouteDevice } from '../os/default-route.js';
import type { Run } from '../os/exec.js';

export interface UnderlayFinder {
  /**
   * @param device undefined means that of the default route, or the only one there is
   * @returns undefined while there is no such device, it is down, or it has no IPv4 address
   */
  find(device?: string): Promise<Underlay | undefined>;
  /** The present one, then each change, until `signal` aborts. `device` is asked again each time. */
  watch(device: () => string | undefined, signal: AbortSignal): AsyncIterable<Underlay | undefined>;
  /** Devices that may carry the cluster if the user names one. */
  candidates(): string[];
}

/**
 * @param device undefined means that of the default route, or the only one there is
 * @throws AppError `unavailable` that says what is missing
 */
export async function needUnderlay(
  underlays: Pick<UnderlayFinder, 'find' | 'candidates'>,
  device: string | undefined,
): Promise<Underlay> {
  const found = await underlays.find(device);
  if (found) return found;
  throw new AppError('unavailable', whyNone(device, underlays.candidates()));
}

function whyNone(device: string | undefined, candidates: readonly string[]): string {
  if (device !== undefined)
    return `device ${device} is not there, is down or has no IPv4 address, so it cannot carry the cluster`;
  const advice = 'name it by `socketplane cluster bind <device>`';
  return candidates.length > 0
    ? `no default route tells which device carries the cluster, ${candidates.join(' or ')}: ${advice}`
    : `no default route tells which device carries the cluster, and none has an IPv4 address: ${advice}`;
}

export interface UnderlayOptions {
  run: Run;
  /** Whether a device is SocketPlane's own: those carry containers' packets, never the cluster. */
  isOwn?: (device: string) => boolean;
  /** Milliseconds between two checks of a watch. */
  every?: number;
  /** For tests. */
  interfaces?: typeof networkInterfaces;
  defaultRoute?: () => Promise<string | undefined>;
}

export function createUnderlayFinder({
  run,
  isOwn = () => false,
  every = 1_000,
  interfaces = networkInterfaces,
  defaultRoute = () => defaultRouteDevice(),
}: UnderlayOptions): UnderlayFinder {
  /** Bridges by port. A command finds them, and is repeated only when the bridge no longer has an address. */
  const bridges = new Map<string, string>();
  /**
   * Whether there has been a default route. When it disappears, for example because a cable is unplugged, the cluster waits
   * for it, and does not move to a device that is left.
   */
  let hadDefaultRoute = false;
  const candidates = () => candidateDevices(interfaces()).filter((device) => !isOwn(device));

  function addressOf(device: string): Underlay | undefined {
    const found = interfaces()[device]?.find(({ family, internal }) => family === 'IPv4' && !internal);
    return found && { device, address: found.address, cidr: found.cidr ?? `${found.address}/32` };
  }

  /** A host's address may be on the Open vSwitch bridge (`br-phy`) that its device is a port of. */
  async function onBridge(port: string): Promise<Underlay | undefined> {
    const known = bridges.get(port);
    const underlay = known === undefined ? undefined : addressOf(known);
    if (underlay) return underlay;
    const bridge = (
      await run(['ovs-vsctl', '--no-syslog', '--timeout=2', 'iface-to-br', port]).catch(() => '')
    ).trim();
    if (bridge === '') return undefined;
    bridges.set(port, bridge);
    return addressOf(bridge);
  }

  async function find(named?: string): Promise<Underlay | undefined> {
    const route = named === undefined ? await defaultRoute() : undefined;
    hadDefaultRoute ||= route !== undefined;
    const device = chooseDevice(named, route, hadDefaultRoute ? [] : candidates());
    return device === undefined ? undefined : (addressOf(device) ?? (await onBridge(device)));
  }

  return {
    find,
    candidates,
    async *watch(device, signal) {
      let last: string | undefined;
      while (!signal.aborted) {
        const underlay = await find(device());
        const text = JSON.stringify(underlay ?? null);
        if (text !== last) yield underlay;
        last = text;
        await pause(every, signal);
      }
    },
  };
}

/** The device that carries the cluster: the named one, else that of the default route, else the only candidate. */
export function chooseDevice(
  named: string | undefined,
  defaultRoute: string | undefined,
  candidates: readonly string[],
): string | undefined {
  return named ?? defaultRoute ?? (candidates.length === 1 ? candidates[0] : undefined);
}

/** Bridges of Docker and of other runtimes, and links to their containers: none of them leads to another host. */
const LOCAL_ONLY =
  /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth|virbr|lxcbr|lxdbr|podman|cni|flannel|cali)/;
/** The address of devices that are not Ethernet, such as WireGuard's. */
const NO_MAC = '00:00:00:00:00:00';

/** Ethernet devices that are up, have an IPv4 address, and may lead to other hosts. */
export function candidateDevices(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  return Object.entries(interfaces)
    .filter(([device]) => !LOCAL_ONLY.test(device))
    .filter(([, addresses]) =>
      addresses?.some(({ family, internal, mac }) => family === 'IPv4' && !internal && mac !== NO_MAC),
    )
    .map(([device]) => device);
}

/** Whether an address is on the underlay's own segment. */
export function onSegment(underlay: Underlay, address: string): boolean {
  if (!ipaddr.IPv4.isValidFourPartDecimal(address)) return false;
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(underlay.cidr));
}
