import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Network } from '../base/model.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
import { withRecord } from '../network/with-record.js';

/** Milliseconds after which an address that Docker asked for, and made no endpoint with, is free again. */
const UNUSED_MS = 60_000;

/** A container whose address is leased before it starts. */
export interface FutureContainer {
  /** Full id, if Docker has made it already. */
  container?: string;
  names: string[];
}

/**
 * Who gets which address when. An address that a hook leased for a container is *kept*: it is the container's until that is
 * removed, and Docker asks for it at each start. Any other address is the endpoint's, and ends with it.
 */
export interface Addresses {
  /** Leases an address for a container that is about to be made or connected. Throws what `Ipam.lease` throws. */
  keep(network: string, future: FutureContainer): Promise<Lease>;
  /**
   * Throws `conflict` or `invalid` when no container of this host can have the address. One that a running container has may
   * be another's later: a successor is made while its predecessor runs.
   */
  check(network: Network, ip: string): Promise<void>;
  /** Docker has made the container that the lease is for. */
  assign(lease: Lease, container: string, names: string[]): Promise<void>;
  /** The container was not made after all. */
  abandon(lease: Lease): Promise<void>;
  /**
   * Docker asks for an address for an endpoint that it will make, a certain one or any. A certain one is either kept, and has
   * no endpoint now, or leased to nobody. Throws `conflict` for any other, and what `Ipam.lease` throws.
   *
   * @returns dotted quad
   */
  request(network: string, wanted?: string): Promise<string>;
  /** An endpoint has been made with an address that was asked for. */
  used(network: string, ip: string): void;
  /** Docker gives an address back: a kept one stays the container's. Never fails; what cannot be written is written later. */
  giveBack(network: string, ip: string): Promise<void>;
  /** Whether Docker has asked for the address lately and made no endpoint with it yet. */
  isAwaited(network: string, ip: string): boolean;
}

export function createAddresses({
  networks,
  ipam,
  isAlive,
  log,
  now = Date.now,
}: {
  networks: Pick<Networks, 'find' | 'get' | 'recall'>;
  ipam: Pick<Ipam, 'lease' | 'update' | 'release' | 'find' | 'check'>;
  /** Whether an endpoint that has the address really exists: Docker forgets to give addresses back when it is killed. */
  isAlive: (network: string, ip: string) => Promise<boolean>;
  log: Log;
  now?: () => number;
}): Addresses {
  /** When Docker asked for addresses without having made an endpoint yet, by network and address: ms since 1970. */
  const awaited = new Map<string, number>();
  const key = (network: string, ip: string) => `${network} ${ip}`;

  function isAwaited(network: string, ip: string): boolean {
    return now() - (awaited.get(key(network, ip)) ?? -Infinity) < UNUSED_MS;
  }

  /** Hands out an address that is leased to this host already: a kept one, or one that Docker forgot in a crash. */
  async function takeOwn(network: string, ip: string): Promise<boolean> {
    const lease = ipam.find(network, ip);
    if (!lease) return false;
    if (isAwaited(network, ip)) throw taken(lease);
    // Nobody else may take it while this is found out.
    awaited.set(key(network, ip), now());
    if (!(await isAlive(network, ip))) return true;
    awaited.delete(key(network, ip));
    throw taken(lease);
  }

  return {
    keep: (network, { container, names }) =>
      withRecord(networks, network, (record) =>
        ipam.lease(record, { container, names, kept: true, up: false }),
      ),
    async check(network, ip) {
      const own = ipam.find(network.id, ip);
      if (own?.kept) throw taken(own);
      if (!own) await ipam.check(network, ip);
    },
    async assign({ network, ip }, container, names) {
      await ipam.update(network, ip, { container, names });
    },
    async abandon({ network, ip, time }) {
      await ipam.release(network, ip, (found) => found.time === time && found.endpoint === undefined);
    },
    async request(network, wanted) {
      if (wanted !== undefined && (await takeOwn(network, wanted))) return wanted;
      const { ip } = await withRecord(networks, network, (record) =>
        ipam.lease(record, { names: [], kept: false, up: false }, wanted),
      );
      awaited.set(key(network, ip), now());
      return ip;
    },
    used: (network, ip) => void awaited.delete(key(network, ip)),
    async giveBack(network, ip) {
      awaited.delete(key(network, ip));
      const lease = ipam.find(network, ip);
      try {
        if (lease?.kept) await ipam.update(network, ip, { endpoint: undefined, up: false });
        // Docker may already have made another endpoint with it, if this call comes late.
        else if (lease) await ipam.release(network, ip, (found) => found.time === lease.time && !found.kept);
      } catch (error) {
        log.warn('address not given back yet', { network, ip, error: messageOf(error) });
      }
    },
    isAwaited,
  };
}

/** In the words of Docker's own driver, by which people and programs know it. */
function taken({ network, ip, container, names }: Lease): AppError {
  const owner = names[0] ?? (container === undefined ? 'a container that is being created' : shortId(container));
  return new AppError('conflict', `Address already in use: ${ip} of network ${network} belongs to ${owner}`);
}
