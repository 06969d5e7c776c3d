import type { PortRecord } from '../datapath.js';
import type { Interface } from './ovsdb.js';

/** Keys of an interface's `external_ids`, by which ports are recognised after any restart. */
export const EXTERNAL_ID = {
  /** On a container's port: the container's full id. */
  container: 'socketplane-container',
  /** On a container's port: the id of its network. */
  network: 'socketplane-network',
  /** On a container's port: its IPv4 address. */
  address: 'socketplane-ip',
  /** On a gateway's port: the id of its network. */
  gateway: 'socketplane-gateway',
  /** On a tunnel's port: the other host's address on the underlay. */
  peer: 'socketplane-peer',
} as const;

/** The ports of containers among all interfaces, with their OpenFlow port numbers. */
export function containerPorts(interfaces: Interface[]): (PortRecord & { ofport: number })[] {
  return interfaces.flatMap(({ name, ofport, externalIds }) => {
    const container = externalIds.get(EXTERNAL_ID.container);
    if (container === undefined) return [];
    const network = externalIds.get(EXTERNAL_ID.network) ?? '';
    const ip = externalIds.get(EXTERNAL_ID.address) ?? '';
    return [{ port: name, ofport, container, network, ip }];
  });
}
