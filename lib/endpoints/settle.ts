import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { shortId } from '../base/short-id.js';
import type { Attached, Container, Docker, ListedContainer } from '../docker/docker.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import type { Addresses } from './addresses.js';
import type { Endpoints } from './endpoints.js';
import type { Identify } from './identify.js';
import { isKept } from './kept-address.js';
import { createLeaseAges } from './lease-ages.js';
import { plan, type AddressState, type Step } from './plan.js';
import { namesOf } from '../docker/names.js';
import type { Reconnector } from './reconnect.js';
import type { StartAgain } from './start-again.js';
import type { EndpointTable } from './table.js';
import type { Teller } from './teller.js';

/**
 * Brings what this host has for a container in line with Docker's state of the container. Every start, stop and removal leads
 * here afterwards, whatever caused it; what the driver has done already is found done.
 *
 * Docker's answer may be older than what the driver has been told since, so that each step looks once more whether a start has
 * begun: what a starting container has is never taken away.
 */
export interface Settle {
  /** @param container full id */
  container(id: string): Promise<void>;
  /**
   * The addresses that belong to no container yet, or never did.
   *
   * @param listed Docker's containers
   */
  orphans(listed: readonly ListedContainer[]): Promise<void>;
  /** Gives back what a container has, whatever Docker says. */
  release(id: string): Promise<void>;
  /** Full ids of containers that something has to be finished for, though they may have nothing now. */
  unfinished(): string[];
}

/** Steps for an endpoint that is there: one that was closed meanwhile needs them no more. */
const NEEDS_ENTRY: ReadonlySet<Step> = new Set(['lease', 'claim', 'reconnect']);

export function createSettle(options: {
  docker: Pick<Docker, 'inspect'>;
  table: EndpointTable;
  endpoints: Pick<Endpoints, 'close'>;
  addresses: Pick<Addresses, 'isAwaited' | 'keep' | 'release' | 'take'>;
  teller: Pick<Teller, 'tell' | 'write'>;
  reconnector: Reconnector;
  startAgain: StartAgain;
  identify: Identify;
  ipam: Pick<Ipam, 'find' | 'ofContainer' | 'owned'>;
  /** Whether a place of a container is on one of our networks. */
  isOurs: (attached: Attached) => boolean;
  /** Docker's id of a network of the cluster, by its name, if Docker has it. */
  currentId: (network: string) => string | undefined;
  log: Log;
  /** Milliseconds, by a clock that nobody sets. */
  now?: () => number;
}): Settle {
  const { docker, table, endpoints, addresses, teller, reconnector } = options;
  const { startAgain, identify, ipam, isOurs, currentId, log, now = () => performance.now() } = options;
  const lock = createKeyedLock();
  const ageOf = createLeaseAges(now);
  /** Addresses that people have given back although the settings of their containers name them. */
  const givenUp = new Set<string>();

  /** Every address that has to do with the container. */
  function placesOf(id: string, container: Container | undefined): AddressState[] {
    const attached = container?.attached ?? [];
    const places = new Map<string, AddressState>();
    function add(network: string, ip: string): void {
      const settings = attached.find((one) => one.network === network);
      const lease = ipam.find(network, ip);
      // Another container may have been given a kept address of this one for the time being.
      const isOwn = lease?.container === undefined || lease.container === id;
      places.set(`${network} ${ip}`, {
        ...{ network, ip, lease, entry: table.at(network, ip) },
        ...(container?.running &&
          settings?.ip === ip &&
          settings.endpoint !== '' && {
            docker: { container: id, endpoint: settings.endpoint, isKept: isKept(settings) },
          }),
        isThere: container !== undefined && isOwn,
        isSettled: settings !== undefined && isOwn,
        isAwaited: addresses.isAwaited(network, ip),
      });
    }
    for (const { network, ip } of ipam.ofContainer(id)) add(network, ip);
    for (const one of attached) {
      if (one.endpoint !== '' && (isOurs(one) || table.get(one.endpoint))) add(one.network, one.ip);
    }
    for (const { endpoint, occupant } of table.list())
      if (occupant?.id === id) add(endpoint.network.id, endpoint.ip);
    return [...places.values()];
  }

  /** @returns whether the endpoint may go on with the address */
  async function leaseAgain(
    { network, ip, docker: has }: AddressState,
    attached: Attached,
  ): Promise<boolean> {
    if (!has) return false;
    const { container, endpoint, isKept: kept } = has;
    try {
      await addresses.take(network, ip, { container, endpoint, kept, names: [], up: true });
      log.info('address leased again', { container: shortId(container), network, ip });
      return true;
    } catch (error) {
      const kind = error instanceof AppError ? error.kind : undefined;
      // The cluster has no such network any more; Docker's goes when its containers have gone.
      if (kind === 'notFound') return false;
      if (kind !== 'conflict') throw error;
    }
    // It belongs to another container by now: nothing may use it a moment longer.
    log.warn('address lost: this host was away for too long', { container: shortId(container), network, ip });
    await endpoints.close(endpoint);
    await moveOn(container, attached, kept);
    return false;
  }

  /** Gives a container whose address is another's by now a new one, which it keeps like the old one. */
  async function moveOn(container: string, attached: Attached, kept: boolean): Promise<void> {
    if (!kept) return reconnector.reconnect(container, attached);
    const { network } = attached;
    // It may have one since an attempt that Docker refused.
    const ready = ipam
      .ofContainer(container)
      .find((lease) => lease.network === network && lease.kept && lease.endpoint === undefined);
    const { ip } = ready ?? (await addresses.keep(network, { container, names: [] }));
    await reconnector.reconnect(container, { ...attached, requested: ip });
  }

  /** A container that does not run may have lost the address that we keep for it while this host was away. */
  async function takeBack(container: Container): Promise<void> {
    for (const one of container.running ? [] : container.attached) {
      const { network, requested: ip } = one;
      const networkId = currentId(network);
      const isHere = networkId !== undefined && (isOurs(one) || one.networkId === '');
      if (ip === undefined || !isKept(one) || !isHere || ipam.find(network, ip)) continue;
      if (givenUp.has(`${container.id} ${network} ${ip}`)) continue;
      const names = namesOf({ ...container, aliases: one.aliases });
      try {
        await addresses.take(network, ip, { container: container.id, kept: true, names, up: false });
      } catch (error) {
        if (!(error instanceof AppError && error.kind === 'conflict')) throw error;
        log.warn('address lost: this host was away for too long', { container: container.name, network, ip });
        await moveOn(container.id, { ...one, networkId }, true);
      }
    }
  }

  /** @returns whether the next step still makes sense */
  async function perform(
    step: Step,
    place: AddressState,
    container: Container | undefined,
  ): Promise<boolean> {
    const { network, ip, lease, entry, docker: has } = place;
    const attached = container?.attached.find((one) => one.network === network);
    const current = table.at(network, ip);
    const isOther = current !== entry && (current !== undefined || NEEDS_ENTRY.has(step));
    if (addresses.isAwaited(network, ip) || isOther) return false;
    switch (step) {
      case 'lease':
        return attached !== undefined && leaseAgain(place, attached);
      case 'claim':
        await teller.write(network, ip, { endpoint: has?.endpoint, up: true });
        return true;
      case 'identify':
        if (container && attached) identify(container, attached);
        return true;
      case 'reconnect':
        if (container && attached) await reconnector.reconnect(container.id, attached);
        return false;
      case 'close':
        if (current) await endpoints.close(current.endpoint.id);
        return true;
      case 'rest':
        await teller.write(network, ip, { endpoint: undefined, up: false });
        return true;
      case 'release':
        return lease !== undefined && release(lease);
    }
  }

  async function performAll(place: AddressState, container: Container | undefined): Promise<void> {
    for (const step of plan(place, now(), ageOf)) if (!(await perform(step, place, container))) return;
  }

  async function release(lease: Lease): Promise<boolean> {
    const { network, ip, container } = lease;
    if (!(await addresses.release(lease))) return false;
    log.info('address returned', { container: container && shortId(container), network, ip });
    return true;
  }

  /** The other container that has this one's address for the time being. */
  const borrower = (id: string, network: string, ip: string) => {
    const occupant = table.at(network, ip)?.occupant;
    return occupant?.id === id ? undefined : occupant;
  };

  /** A container that is gone may have lent its address to another, which runs. */
  function passOn(id: string): void {
    for (const { network, ip } of ipam.ofContainer(id)) {
      const heir = borrower(id, network, ip);
      if (heir) teller.tell(network, ip, { container: heir.id, kept: false });
    }
  }

  /** A container that does not run knows its networks by id, and cannot start when one of them was made anew. */
  async function rebind({ id, running, attached }: Container): Promise<void> {
    for (const one of running ? [] : attached) {
      const networkId = currentId(one.network);
      // Docker may have had a network of its own of that name.
      const wasOurs = isKept(one) || ipam.ofContainer(id).some(({ network }) => network === one.network);
      if (wasOurs && one.networkId !== '' && networkId !== undefined && networkId !== one.networkId)
        await reconnector.reconnect(id, { ...one, networkId });
    }
  }

  async function settle(id: string): Promise<void> {
    const container = await docker.inspect(id);
    if (container) await rebind(container);
    await reconnector.resume(id, container);
    if (container) await takeBack(container);
    if (!container) passOn(id);
    for (const place of placesOf(id, container))
      if (!borrower(id, place.network, place.ip)) await performAll(place, container);
    if (container) startAgain(container);
  }

  /** The container that Docker has made with an address that was kept for it, although nobody told us. */
  function ownerOf({ network, ip }: Lease, listed: readonly ListedContainer[]): string | undefined {
    const asks = (one: Attached) => one.network === network && one.requested === ip && isKept(one);
    return listed.find(({ attached }) => attached.some(asks))?.id;
  }

  async function settleOrphan(network: string, ip: string): Promise<void> {
    const [lease, entry] = [ipam.find(network, ip), table.at(network, ip)];
    // One that is known by now is on its way into the lease.
    if (entry?.occupant || lease?.container !== undefined) return;
    const isAwaited = addresses.isAwaited(network, ip);
    await performAll({ network, ip, lease, entry, isThere: false, isSettled: false, isAwaited }, undefined);
  }

  return {
    container: (id) => lock(id, () => settle(id)),
    async orphans(listed) {
      for (const lease of ipam.owned()) {
        if (lease.container !== undefined) continue;
        const { network, ip, kept, names } = lease;
        const container = kept ? ownerOf(lease, listed) : undefined;
        if (container !== undefined) await teller.write(network, ip, { container, names });
        else await settleOrphan(network, ip);
      }
      for (const { endpoint, occupant } of table.list())
        if (!occupant) await settleOrphan(endpoint.network.id, endpoint.ip);
    },
    release: (id) =>
      lock(id, async () => {
        for (const { endpoint, occupant } of table.list())
          if (occupant?.id === id) await endpoints.close(endpoint.id);
        passOn(id);
        for (const lease of ipam.ofContainer(id))
          if (!borrower(id, lease.network, lease.ip)) {
            givenUp.add(`${id} ${lease.network} ${lease.ip}`);
            await release(lease);
          }
      }).catch((error: unknown) => {
        log.warn('not all is given back yet', { container: shortId(id), error: messageOf(error) });
        throw error;
      }),
    unfinished: () => reconnector.unfinished(),
  };
}
