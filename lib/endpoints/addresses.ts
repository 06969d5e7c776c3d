import { messageOf } from '../base/errors.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import type { Log } from '../base/log.js';
import { addressInUse } from '../ipam/address-in-use.js';
import type { Grant, Ipam, Lease } from '../ipam/ipam.js';
import type { Networks } from '../network/networks.js';
import { withRecord } from '../network/with-record.js';
import type { Teller } from './teller.js';

/** Milliseconds after which an address that Docker asked for, and made no endpoint with, is free again. */
export const UNUSED_MS = 60_000;

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
  /** The user chose this address for a container that is about to be made or connected, which asks for it when it starts. */
  foresee(network: string, ip: string): void;
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
  /** Whether this host has leased the address. */
  isLeased(network: string, ip: string): boolean;
  /** Leases the address that an endpoint has already. Throws what `Ipam.lease` throws. */
  take(network: string, ip: string, grant: Grant): Promise<Lease>;
  /** An endpoint has been made with an address that was asked for. */
  used(network: string, ip: string): void;
  /**
   * Docker gives an address back: a kept one stays the container's, and so does one that has another endpoint by now. Never
   * fails; what cannot be written is written later.
   */
  giveBack(network: string, ip: string): Promise<void>;
  /** Resolves when nothing that Docker has given back on the network is still to be given back. */
  returned(network: string): Promise<void>;
  /**
   * Ends a lease that nothing needs any more.
   *
   * @returns false when Docker has asked for the address meanwhile, or made an endpoint with it
   */
  release(lease: Lease): Promise<boolean>;
  /** Whether Docker has asked for the address lately and made no endpoint with it yet. */
  isAwaited(network: string, ip: string): boolean;
}

export function createAddresses({
  networks,
  ipam,
  teller,
  isOpen,
  isAlive,
  log,
  now = () => performance.now(),
}: {
  networks: Pick<Networks, 'find' | 'get' | 'recall'>;
  ipam: Pick<Ipam, 'lease' | 'update' | 'release' | 'find' | 'chosen'>;
  teller: Pick<Teller, 'write'>;
  /** Whether there is an endpoint that has the address, as far as Docker has said. */
  isOpen: (network: string, ip: string) => boolean;
  /** Whether that endpoint really exists: Docker forgets to close endpoints when it is killed. */
  isAlive: (network: string, ip: string) => Promise<boolean>;
  log: Log;
  /** Milliseconds, by a clock that nobody sets. */
  now?: () => number;
}): Addresses {
  /** When Docker asked for addresses without having made an endpoint yet, by network and address. */
  const awaited = new Map<string, number>();
  const key = (network: string, ip: string) => `${network} ${ip}`;
  /** What is being given back now, by network. */
  const returning = new Map<string, Set<Promise<void>>>();
  /** An address that is being given back cannot be asked for, and the other way round. */
  const inTurn = createKeyedLock();

  function isAwaited(network: string, ip: string): boolean {
    return now() - (awaited.get(key(network, ip)) ?? -Infinity) < UNUSED_MS;
  }

  function awaits(network: string, ip: string): void {
    // Docker says nothing of those that it forgets when it is killed.
    for (const [one, since] of awaited) if (now() - since >= UNUSED_MS) awaited.delete(one);
    awaited.set(key(network, ip), now());
  }

  /** Hands out an address that is leased to this host already: a kept one, or one that Docker forgot in a crash. */
  async function takeOwn(network: string, ip: string): Promise<boolean> {
    const lease = ipam.find(network, ip);
    if (!lease) return false;
    if (isAwaited(network, ip) || (await isAlive(network, ip))) throw addressInUse(lease);
    if (ipam.find(network, ip)?.id !== lease.id) return false;
    awaits(network, ip);
    return true;
  }

  async function leaseFor(network: string, wanted?: string): Promise<string> {
    const { ip } = await withRecord(networks, network, (record) =>
      ipam.lease(record, { names: [], kept: false, up: false }, wanted),
    );
    awaits(network, ip);
    return ip;
  }

  function giveBack(network: string, ip: string): Promise<void> {
    return inTurn(key(network, ip), async () => {
      awaited.delete(key(network, ip));
      try {
        await settleReturned(network, ip);
      } catch (error) {
        log.warn('address not given back yet', { network, ip, error: messageOf(error) });
      }
    });
  }

  async function settleReturned(network: string, ip: string): Promise<void> {
    const lease = ipam.find(network, ip);
    if (!lease || isOpen(network, ip)) return;
    if (lease.kept) await teller.write(network, ip, { endpoint: undefined, up: false });
    else await ipam.release(network, ip, (found) => found.id === lease.id && !found.kept);
  }

  return {
    keep: (network, { container, names }) =>
      withRecord(networks, network, (record) =>
        ipam.lease(record, { container, names, kept: true, up: false }),
      ),
    foresee: (network, ip) => ipam.chosen.add(network, ip),
    async assign({ id, network, ip }, container, names) {
      const isThere = ipam.find(network, ip)?.id === id;
      if (isThere && (await ipam.update(network, ip, { container, names }))) return;
      // Docker has taken so long that nobody seemed to need it any more.
      await withRecord(networks, network, (record) =>
        ipam.lease(record, { container, names, kept: true, up: false }, ip),
      );
    },
    abandon: ({ id, network, ip, container }) =>
      inTurn(key(network, ip), () =>
        ipam.release(
          network,
          ip,
          // A container that was made after all has got it meanwhile, or uses it.
          (found) =>
            found.id === id &&
            found.container === container &&
            found.endpoint === undefined &&
            !isAwaited(network, ip),
        ),
      ),
    async request(network, wanted) {
      if (wanted === undefined) return leaseFor(network);
      return inTurn(key(network, wanted), async () =>
        (await takeOwn(network, wanted)) ? wanted : leaseFor(network, wanted),
      );
    },
    isLeased: (network, ip) => ipam.find(network, ip) !== undefined,
    take: (network, ip, grant) => withRecord(networks, network, (record) => ipam.lease(record, grant, ip)),
    used: (network, ip) => void awaited.delete(key(network, ip)),
    async giveBack(network, ip) {
      const here = returning.get(network) ?? new Set();
      returning.set(network, here);
      const work = giveBack(network, ip);
      here.add(work);
      await work;
      here.delete(work);
      if (here.size === 0) returning.delete(network);
    },
    returned: async (network) => void (await Promise.all([...(returning.get(network) ?? [])])),
    release: ({ id, network, ip }) =>
      inTurn(key(network, ip), async () => {
        const isFree = () => !isAwaited(network, ip) && !isOpen(network, ip);
        if (!isFree()) return false;
        await ipam.release(network, ip, (found) => found.id === id && isFree());
        return true;
      }),
    isAwaited,
  };
}
