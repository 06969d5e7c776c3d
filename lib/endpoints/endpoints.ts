import { AppError, messageOf } from '../base/errors.js';
import { macOf } from '../base/ipv4.js';
import type { Log } from '../base/log.js';
import type { Endpoint, Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import type { Datapath, PortRecord } from '../datapath/datapath.js';
import type { Grant, Ipam, Lease } from '../ipam/ipam.js';
import type { Addresses } from './addresses.js';
import type { EndpointTable, Entry } from './table.js';

/**
 * The endpoints that Docker opens and closes. Every call may be repeated, and none asks Docker anything: Docker holds locks
 * while it waits for the answer.
 */
export interface Endpoints {
  /**
   * Docker makes an endpoint with an address that it has asked for: the host's half is begun, and other hosts are told,
   * without waiting for either. Throws `conflict` when the address is not leased to this host.
   */
  open(endpoint: Endpoint): void;
  /**
   * Docker moves the endpoint into its container.
   *
   * @returns the endpoint, and the name of its port, when the host's half is there
   */
  join(id: string): Promise<{ endpoint: Endpoint; port: string }>;
  /** The endpoint is gone: its port, flows and link are taken away. Its address is given back by another call. */
  close(id: string): Promise<void>;
  /** The endpoint that owns a port found on the bridge, as the leases say; undefined when there is none. */
  ownerOf(port: PortRecord, networks: readonly Network[]): Endpoint | undefined;
  /** The endpoints that should have a port, as the leases say. */
  expected(networks: readonly Network[]): Endpoint[];
  /** Takes over the ports that were found on the bridge, and notes whose link is gone. */
  adopt(ports: readonly PortRecord[], networks: readonly Network[], lost: readonly string[]): void;
  /** Writes what has become of an address; what fails is written again by {@link tellAgain}. */
  tell(network: string, ip: string, change: Partial<Grant>): void;
  /** Whether everything that others should know is in the store. */
  areAllTold(): boolean;
  /** Repeats what could not be written. */
  tellAgain(): Promise<void>;
}

export const LINK_LOST = 'its link to the bridge is gone';

export function createEndpoints({
  table,
  addresses,
  ipam,
  datapath,
  log,
  now = Date.now,
}: {
  table: EndpointTable;
  addresses: Pick<Addresses, 'used'>;
  ipam: Pick<Ipam, 'find' | 'owned' | 'update'>;
  datapath: Pick<Datapath, 'attach' | 'detach'>;
  log: Log;
  now?: () => number;
}): Endpoints {
  /** What could not be written, by network and address: the latest change of each field. */
  const untold = new Map<string, { network: string; ip: string; change: Partial<Grant> }>();

  async function write(network: string, ip: string, change: Partial<Grant>): Promise<void> {
    const key = `${network} ${ip}`;
    const wanted = { network, ip, change: { ...untold.get(key)?.change, ...change } };
    untold.set(key, wanted);
    await ipam.update(network, ip, wanted.change);
    if (untold.get(key) === wanted) untold.delete(key);
  }

  function tell(network: string, ip: string, change: Partial<Grant>): void {
    write(network, ip, change).catch((error: unknown) =>
      log.warn('other hosts cannot be told', { network, ip, up: change.up, error: messageOf(error) }),
    );
  }

  function enter(endpoint: Endpoint, port: Promise<string>): Entry {
    const entry: Entry = { endpoint, since: now(), port };
    table.put(entry);
    port.then(
      (name) => (entry.portName = name),
      (error: unknown) => (entry.failure = messageOf(error)),
    );
    return entry;
  }

  function open(endpoint: Endpoint): Entry {
    const { id, network, ip, mac } = endpoint;
    const known = table.get(id);
    if (known && known.failure === undefined) return known;
    if (!ipam.find(network.id, ip)) {
      throw new AppError('conflict', `address ${ip} of network ${network.id} is not leased to this host`);
    }
    const before = table.at(network.id, ip);
    // Docker has lost it in a crash. Begun before the new port is, so that the rules of the address end up as the new one's.
    if (before && before.endpoint.id !== id) void close(before.endpoint.id).catch(() => undefined);
    const began = now();
    const entry = enter(endpoint, datapath.attach(endpoint));
    addresses.used(network.id, ip);
    tell(network.id, ip, { endpoint: id, up: true, mac: mac === macOf(ip) ? undefined : mac });
    entry.port.then(
      (port) =>
        log.info('endpoint opened', {
          endpoint: shortId(id),
          ...{ network: network.id, ip, port, ms: now() - began },
        }),
      () => undefined,
    );
    return entry;
  }

  async function close(id: string): Promise<void> {
    const entry = table.get(id);
    table.drop(id);
    await datapath.detach(id);
    if (!entry) return;
    const { network, ip } = entry.endpoint;
    log.info('endpoint closed', { endpoint: shortId(id), network: network.id, ip });
  }

  function endpointOf(id: string, { network, ip, mac }: Lease, networks: readonly Network[]) {
    const found = networks.find((one) => one.id === network);
    return found && { id, network: found, ip, mac: mac ?? macOf(ip) };
  }

  return {
    open: (endpoint) => void open(endpoint),
    async join(id) {
      const entry = table.get(id);
      if (!entry) {
        throw new AppError('notFound', `endpoint ${shortId(id)} is not known here: start the container again`);
      }
      return { endpoint: entry.endpoint, port: await entry.port };
    },
    close,
    ownerOf(port, networks) {
      const lease = ipam.find(port.network, port.ip);
      if (lease?.endpoint !== port.endpoint) return table.get(port.endpoint)?.endpoint;
      return endpointOf(port.endpoint, lease, networks);
    },
    expected: (networks) =>
      ipam
        .owned()
        .flatMap((lease) => (lease.endpoint === undefined ? [] : (endpointOf(lease.endpoint, lease, networks) ?? []))),
    adopt(ports, networks, lost) {
      for (const record of ports) {
        if (table.get(record.endpoint)) continue;
        const lease = ipam.find(record.network, record.ip);
        const endpoint = lease && endpointOf(record.endpoint, lease, networks);
        if (endpoint && lease.endpoint === record.endpoint) enter(endpoint, Promise.resolve(record.port));
      }
      const there = new Set(ports.map(({ endpoint }) => endpoint));
      for (const entry of table.list()) {
        const { id } = entry.endpoint;
        if (lost.includes(id)) entry.failure = LINK_LOST;
        else if (there.has(id) && entry.failure === LINK_LOST) entry.failure = undefined;
      }
    },
    tell,
    areAllTold: () => untold.size === 0,
    async tellAgain() {
      await Promise.all([...untold.values()].map(({ network, ip, change }) => write(network, ip, change)));
    },
  };
}
