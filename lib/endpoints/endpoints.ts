import { AppError, messageOf } from '../base/errors.js';
import { macOf } from '../base/ipv4.js';
import type { Log } from '../base/log.js';
import type { Endpoint, Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import type { Datapath, PortRecord } from '../datapath/datapath.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import type { Addresses } from './addresses.js';
import { LINK_LOST, type EndpointTable, type OpenEndpoint } from './table.js';
import type { Teller } from './teller.js';

/** How many closed endpoints are remembered: more than can be closed while the bridge is looked at. */
const REMEMBERED = 10_000;

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
  /** The same without waiting: what fails is logged, and taken away by the next look at the bridge. */
  end(id: string): void;
  /** The endpoint that owns a port found on the bridge, as the leases say; undefined when there is none. */
  ownerOf(port: PortRecord, networks: readonly Network[]): Endpoint | undefined;
  /** The endpoints that should have a port, as the leases say. */
  expected(networks: readonly Network[]): Endpoint[];
  /**
   * Takes over what was found on the bridge.
   *
   * @param ports what is there now
   * @param lost ids of expected endpoints whose link is gone
   */
  adopt(ports: readonly PortRecord[], networks: readonly Network[], lost: readonly string[]): void;
  /** Whether something of an endpoint that was closed may still be there: looking at the bridge removes it. */
  hasRemains(): boolean;
}

export function createEndpoints({
  table,
  addresses,
  teller,
  ipam,
  datapath,
  log,
  now = () => performance.now(),
}: {
  table: EndpointTable;
  addresses: Pick<Addresses, 'used'>;
  teller: Pick<Teller, 'tell'>;
  ipam: Pick<Ipam, 'find' | 'owned'>;
  datapath: Pick<Datapath, 'attach' | 'detach'>;
  log: Log;
  /** Ms since 1970. */
  now?: () => number;
}): Endpoints {
  /**
   * Docker uses no id twice. Until the address is given back, the lease still names the endpoint, and its port may have been
   * seen on the bridge a moment ago.
   */
  const closed = new Set<string>();
  /** Those of which not everything could be removed. */
  const remains = new Set<string>();

  function enter(endpoint: Endpoint, port: Promise<string>, isAdopted = false): OpenEndpoint {
    const entry: OpenEndpoint = { endpoint, since: now(), isAdopted, port };
    table.put(entry);
    port.then(
      (name) => (entry.portName = name),
      (error: unknown) => (entry.failure = messageOf(error)),
    );
    return entry;
  }

  function enterLost(endpoint: Endpoint): void {
    const entry = enter(endpoint, Promise.reject(new AppError('unavailable', LINK_LOST)), true);
    entry.failure = LINK_LOST;
  }

  function open(endpoint: Endpoint): void {
    const { id, network, ip, mac } = endpoint;
    const known = table.get(id);
    if (known && known.failure === undefined) return;
    if (!ipam.find(network.id, ip)) {
      throw new AppError('conflict', `address ${ip} of network ${network.id} is not leased to this host`);
    }
    const before = table.at(network.id, ip);
    // Docker has lost it in a crash. Begun before the new port is, so that the rules of the address end up as the new one's.
    if (before && before.endpoint.id !== id) end(before.endpoint.id);
    closed.delete(id);
    const began = now();
    const entry = enter(endpoint, datapath.attach(endpoint));
    addresses.used(network.id, ip);
    teller.tell(network.id, ip, { endpoint: id, up: true, mac: mac === macOf(ip) ? undefined : mac });
    entry.port.then(
      (port) =>
        log.info('endpoint opened', {
          endpoint: shortId(id),
          ...{ network: network.id, ip, port, ms: now() - began },
        }),
      () => undefined,
    );
  }

  async function close(id: string): Promise<void> {
    const entry = table.get(id);
    table.drop(id);
    closed.add(id);
    for (const oldest of closed) {
      if (closed.size <= REMEMBERED) break;
      closed.delete(oldest);
    }
    remains.add(id);
    await datapath.detach(id);
    remains.delete(id);
    if (!entry) return;
    const { network, ip } = entry.endpoint;
    log.info('endpoint closed', { endpoint: shortId(id), network: network.id, ip });
  }

  function end(id: string): void {
    close(id).catch((error: unknown) =>
      log.warn('endpoint not closed yet', { endpoint: shortId(id), error: messageOf(error) }),
    );
  }

  function endpointOf(id: string, { network, ip, mac }: Lease, networks: readonly Network[]) {
    const found = networks.find((one) => one.id === network);
    return found && { id, network: found, ip, mac: mac ?? macOf(ip) };
  }

  /** This host's leases that name an endpoint which was not closed meanwhile. */
  function leased(networks: readonly Network[]): Endpoint[] {
    return ipam
      .owned()
      .flatMap((lease) =>
        lease.endpoint === undefined || closed.has(lease.endpoint)
          ? []
          : (endpointOf(lease.endpoint, lease, networks) ?? []),
      );
  }

  return {
    open,
    async join(id) {
      const entry = table.get(id);
      if (!entry) {
        throw new AppError(
          'notFound',
          `endpoint ${shortId(id)} is not known here: start the container again`,
        );
      }
      const { endpoint, failure, occupant } = entry;
      // The agent was started again in the middle of a start, before the link was made.
      const isToBeMade = failure === LINK_LOST && !occupant;
      const { port } = isToBeMade ? enter(endpoint, datapath.attach(endpoint)) : entry;
      return { endpoint, port: await port };
    },
    close,
    end,
    ownerOf(port, networks) {
      const entry = table.get(port.endpoint);
      if (entry || closed.has(port.endpoint)) return entry?.endpoint;
      const lease = ipam.find(port.network, port.ip);
      return lease?.endpoint === port.endpoint ? endpointOf(port.endpoint, lease, networks) : undefined;
    },
    expected: leased,
    adopt(ports, networks, lost) {
      const there = new Map(ports.map(({ endpoint, port }) => [endpoint, port]));
      for (const endpoint of leased(networks)) {
        const { id, network, ip } = endpoint;
        // An endpoint that Docker has opened meanwhile counts, whatever the lease still says.
        if (table.at(network.id, ip)) continue;
        const port = there.get(id);
        if (port !== undefined) enter(endpoint, Promise.resolve(port), true);
        else if (lost.includes(id)) enterLost(endpoint);
      }
      for (const entry of table.list()) {
        const { id } = entry.endpoint;
        const port = there.get(id);
        if (port === undefined && lost.includes(id)) entry.failure = LINK_LOST;
        else if (port !== undefined && entry.failure === LINK_LOST) {
          Object.assign(entry, { failure: undefined, port: Promise.resolve(port), portName: port });
        }
      }
      for (const id of remains) if (!there.has(id)) remains.delete(id);
    },
    hasRemains: () => remains.size > 0,
  };
}
