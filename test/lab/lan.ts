import { macOf } from '../../lib/base/ipv4.js';
import { createNamespace, type Namespace } from './namespace.js';

/** An address of the outside world (TEST-NET-3), beyond the LAN's router. */
export const OUTSIDE = '203.0.113.1';
export const ROUTER = '192.168.108.254';
const PREFIX = 24;

/** The segment that the hosts share: a switch, and the router to the rest of the world. */
export interface Lan {
  /** Switch, router and outside world in one; has no route to any container. */
  outside: Namespace;
  /** Gives a host its `eth0`, with its address and the default route. */
  attach(host: string, address: string, namespace: Namespace): Promise<void>;
  /** The other end of the host's cable: pulled out, plugged in, or removed with the host. */
  cut(host: string): Promise<void>;
  heal(host: string): Promise<void>;
  detach(host: string): Promise<void>;
  destroy(): Promise<void>;
}

export async function createLan(): Promise<Lan> {
  const outside = await createNamespace(['--net'], ['sleep', 'infinity']);
  const link = (...args: string[]) => outside.run(['ip', 'link', ...args]);
  await batch(outside, [
    'link set lo up',
    `address add ${OUTSIDE}/32 dev lo`,
    'link add lan type bridge mcast_snooping 0',
    `address add ${ROUTER}/${PREFIX} dev lan`,
    'link set lan up',
  ]);
  // Hosts whose eth0 is in a userspace bridge have no hardware that would complete checksums.
  await outside.run(['ethtool', '-K', 'lan', 'tx', 'off']);

  return {
    outside,
    async attach(host, address, namespace) {
      // A network card's address is the same after every boot.
      const mac = macOf(address);
      await batch(outside, [
        `link add ${host} type veth peer name eth0 address ${mac} netns ${namespace.pid}`,
        `link set ${host} master lan up`,
      ]);
      await useAddress(namespace, 'eth0', address);
    },
    cut: async (host) => void (await link('set', host, 'down')),
    heal: async (host) => void (await link('set', host, 'up')),
    // The kernel may have removed it already, together with the other end.
    detach: async (host) => void (await link('delete', host).catch(() => undefined)),
    destroy: () => outside.destroy(),
  };
}

/** Moves the host's address to a device, from wherever it is, and the default route with it. */
export async function useAddress(namespace: Namespace, device: string, address: string): Promise<void> {
  await namespace.run(['ip', 'address', 'flush', 'dev', 'eth0']);
  await batch(namespace, [
    `address replace ${address}/${PREFIX} dev ${device}`,
    `link set ${device} up`,
    `route replace default via ${ROUTER} dev ${device}`,
  ]);
}

async function batch(namespace: Namespace, lines: string[]): Promise<void> {
  await namespace.run(['ip', '-batch', '-'], { input: lines.join('\n') });
}
