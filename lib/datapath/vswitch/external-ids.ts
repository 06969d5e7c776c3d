import type { PortRecord } from '../datapath.js';
import type { Interface } from './ovsdb.js';

/** Keys of an interface's `external_ids`, by which ports are recognised after any restart. */
export const EXTERNAL_ID = {
  /** Full id. */
  container: 'socketplane-container',
  /** Of a container's port: id of its network. */
  network: 'socketplane-network',
  /** Of a container's port: its IPv4 address. */
  address: 'socketplane-ip',
  /** Of a gateway: id of its network. */
  gateway: 'socketplane-gateway',
  /** Of a tunnel: the other host's address on the underlay. */
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
