import { AppError } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { macOf } from '../../../lib/base/ipv4.js';
import type { Endpoint, Network } from '../../../lib/base/model.js';
import type { Attached, Container } from '../../../lib/docker/docker.js';
import { ADDRESS_OPTION, KEPT } from '../../../lib/docker/driver-names.js';
import type { OpenEndpoint } from '../../../lib/endpoints/table.js';
import { createIpam, type Grant, type Lease } from '../../../lib/ipam/ipam.js';
import { createMemoryStore } from '../../../lib/store/memory.js';

export const WEB: Network = { id: 'web', subnet: '10.0.0.0/24', gateway: '10.0.0.1', vni: 1 };
export const NOW = Date.parse('2030-01-01T00:00:00Z');
export const IP = '10.0.0.2';
/** Full ids of containers and endpoints. */
export const [A, B, E1, E2] = ['a', 'b', '1', '2'].map((digit) => digit.repeat(64)) as [
  string,
  string,
  string,
  string,
];

export function endpointOf(id: string, ip = IP): Endpoint {
  return { id, network: WEB, ip, mac: macOf(ip) };
}

export function entryOf(id: string, change: Partial<OpenEndpoint> = {}): OpenEndpoint {
  return { endpoint: endpointOf(id), since: NOW, isAdopted: false, port: Promise.resolve('ovs1'), ...change };
}

export const occupantOf = (id: string) => ({
  ...{ id, name: 'con', pid: 7, hostname: id.slice(0, 12) },
  ...{ nameServers: [], searchDomains: [] },
});

/** @param age milliseconds since it was leased */
export function leaseOf(change: Partial<Lease> = {}, age = 0): Lease {
  return {
    ...{ id: 'lease', host: 'h1', network: 'web', ip: IP, block: 'blocks/web/10.0.0.0' },
    ...{ time: new Date(NOW - age).toISOString(), kept: false, names: [], up: false },
    ...change,
  };
}

export function attachedOf(endpoint: string, { ip = IP, isKept = false } = {}): Attached {
  return {
    ...{ network: 'web', networkId: 'n1', endpoint, ip, mac: ip && macOf(ip), aliases: ['db'] },
    ...(isKept && { requested: ip || IP }),
    options: isKept ? { [ADDRESS_OPTION]: KEPT } : {},
  };
}

export function containerOf(id: string, attached: Attached[], change: Partial<Container> = {}): Container {
  return {
    ...{ id, name: 'con', hostname: id.slice(0, 12), labels: {}, nameServers: [], searchDomains: [] },
    ...{ running: true, pid: 7, attached, ...change },
  };
}

/** Addresses of network `web` in a store in memory, and another host that leases there too. */
export async function leasing() {
  const store = createMemoryStore();
  const version = await store.commit([{ key: 'networks/web', value: JSON.stringify(WEB) }]);
  const record = { network: WEB, version };
  const ipam = createIpam({ store, host: 'h1' });
  const elsewhere = createIpam({ store, host: 'h2' });
  await ipam.load();
  const networks = {
    find: async (id: string) => (id === 'web' ? record : undefined),
    recall: (id: string) => (id === 'web' ? record : undefined),
    async get(id: string): Promise<Network> {
      if (id === 'web') return WEB;
      throw new AppError('notFound', `no network ${id}`);
    },
  };
  const grant = (change: Partial<Grant> = {}): Grant => ({ kept: false, names: [], up: false, ...change });
  return { store, ipam, elsewhere, networks, record, grant, log: silentLog };
}

export const kindOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'success',
    (error: unknown) => (error as { kind?: string }).kind ?? String(error),
  );

/** Lets everything happen that needs no time. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
