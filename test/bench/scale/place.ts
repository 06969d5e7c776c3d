import { randomUUID } from 'node:crypto';
import { silentLog } from '../../../lib/base/log.js';
import { blockKey } from '../../../lib/ipam/blocks.js';
import { formatAddress, parseSubnet } from '../../../lib/base/ipv4.js';
import type { NetworkRecord } from '../../../lib/base/model.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { MAX_OPERATIONS } from '../../../lib/store/limits.js';
import type { Operation } from '../../../lib/store/store.js';
import { grantTo } from '../../support/leases.js';

/** A cluster's part of a Consul, and the folder for the simulated hosts' sockets. */
export interface Place {
  /** Path of Consul's socket. */
  consul: string;
  prefix: string;
  folder: string;
}

const SUBNET = parseSubnet('10.0.0.0/12');
const NETWORK = { id: 'web', subnet: SUBNET.text, gateway: '10.0.0.1', vni: 1 };
const BLOCK = 16;
/** Leaves the first addresses of the subnet to the hosts that are measured. */
const FIRST = SUBNET.first + 2 ** 16;

/**
 * Puts a network, hosts and their endpoints into the store, as their agents would have done.
 *
 * @returns the network
 */
export async function fill(place: Place, hosts: number, endpoints: number): Promise<NetworkRecord> {
  const client = createConsulClient({ address: place.consul });
  const store = createConsulStore({ client, prefix: place.prefix, log: silentLog });
  const version = await store.commit([
    { key: `networks/${NETWORK.id}`, value: JSON.stringify(NETWORK) },
    { key: 'last-vni', value: String(NETWORK.vni) },
  ]);
  const writes = [...hostRecords(hosts), ...blocks(hosts, endpoints)];
  for (let at = 0; at < writes.length; at += MAX_OPERATIONS)
    await store.commit(writes.slice(at, at + MAX_OPERATIONS));
  await store.close();
  return { network: NETWORK, version };
}

const hostId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function hostRecords(count: number): Operation[] {
  return Array.from({ length: count }, (_, number) => ({
    key: `hosts/${hostId(number)}`,
    value: JSON.stringify({ name: `host${number}`, address: formatAddress(0xac100000 + number) }),
  }));
}

/** Each host has its share of the endpoints, in as few blocks as possible. */
function blocks(hosts: number, endpoints: number): Operation[] {
  const perHost = Math.ceil(endpoints / hosts);
  const operations: Operation[] = [];
  let block = FIRST;
  for (let left = endpoints, number = 0; left > 0; number++) {
    const share = Math.min(perHost, left);
    left -= share;
    for (let offset = 0; offset < share; offset += BLOCK, block += BLOCK)
      operations.push(blockOf(hostId(number), block, Math.min(BLOCK, share - offset)));
  }
  return operations;
}

function blockOf(host: string, first: number, count: number): Operation {
  const leases = Object.fromEntries(
    Array.from({ length: count }, (_, offset) => [formatAddress(first + offset), lease(host)]),
  );
  return {
    key: blockKey(NETWORK.id, SUBNET, formatAddress(first)),
    value: JSON.stringify({ host, leases }),
  };
}

function lease(host: string) {
  const container = containerId();
  const names = [container.slice(0, 12)];
  return {
    ...grantTo(container, { names }),
    id: container.slice(0, 16),
    host,
    time: new Date().toISOString(),
  };
}

export function containerId(): string {
  return (randomUUID() + randomUUID()).replaceAll('-', '');
}
