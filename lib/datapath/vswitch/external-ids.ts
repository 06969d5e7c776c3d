import type { Endpoint } from '../../base/model.js';
import type { PortRecord } from '../datapath.js';
import type { Interface } from './ovsdb.js';

/** Keys of an interface's `external_ids`, by which ports are recognised after any restart. */
export const EXTERNAL_ID = {
  /** On an endpoint's port: Docker's id of the endpoint. */
  endpoint: 'socketplane-endpoint',
  /** On an endpoint's port: the id of its network. */
  network: 'socketplane-network',
  /** On an endpoint's port: its IPv4 address. */
  address: 'socketplane-ip',
  /** On an endpoint's port: its MAC address. */
  mac: 'socketplane-mac',
  /** On an endpoint's port, once it is known: the container's full id. */
  container: 'socketplane-container',
  /** On a gateway's port: the id of its network. */
  gateway: 'socketplane-gateway',
  /** On a tunnel's port: the other host's address on the underlay. */
  peer: 'socketplane-peer',
} as const;

export function externalIdsOf({ id, network, ip, mac }: Endpoint): Record<string, string> {
  return {
    [EXTERNAL_ID.endpoint]: id,
    [EXTERNAL_ID.network]: network.id,
    [EXTERNAL_ID.address]: ip,
    [EXTERNAL_ID.mac]: mac,
  };
}

/** An endpoint's port among the interfaces in Open vSwitch's database. */
export interface FoundPort {
  record: PortRecord;
  /** Its OpenFlow port number. */
  ofport: number;
  /** Whether Open vSwitch has the device: not if its link has gone. */
  works: boolean;
}

/** The endpoints' ports among all interfaces. */
export function endpointPorts(interfaces: Interface[]): FoundPort[] {
  return interfaces.flatMap(({ name, ofport, error, externalIds }) => {
    const endpoint = externalIds.get(EXTERNAL_ID.endpoint);
    if (endpoint === undefined) return [];
    const container = externalIds.get(EXTERNAL_ID.container);
    const record: PortRecord = {
      port: name,
      endpoint,
      network: externalIds.get(EXTERNAL_ID.network) ?? '',
      ip: externalIds.get(EXTERNAL_ID.address) ?? '',
      mac: externalIds.get(EXTERNAL_ID.mac) ?? '',
      ...(container !== undefined && { container }),
    };
    return [{ record, ofport, works: ofport > 0 && error === undefined }];
  });
}

/** Whether a port is that of an endpoint, as far as the bridge's rules depend on it. */
export function isPortOf(record: PortRecord, { id, network, ip, mac }: Endpoint): boolean {
  return record.endpoint === id && record.network === network.id && record.ip === ip && record.mac === mac;
}
