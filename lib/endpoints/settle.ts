import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import type { Attached, Container, Docker } from '../docker/docker.js';
import type { Ipam, Lease } from '../ipam/ipam.js';
import type { Addresses } from './addresses.js';
import type { Endpoints } from './endpoints.js';
import type { Identify } from './identify.js';
import { isKept } from './kept-address.js';
import { plan, type Place, type Step } from './plan.js';
import { reconnect } from './reconnect.js';
import type { EndpointTable } from './table.js';

/**
 * Brings what this host has for a container in line with Docker's state of the container. Every start, stop and removal leads
 * here afterwards, whatever caused it; what the driver has done already is found done.
 */
export interface Settle {
  /** @param container full id */
  container(id: string): Promise<void>;
  /** The leases that belong to no container yet, or never did. */
  orphans(): Promise<void>;
  /** Gives back what a container has, whatever Docker says. */
  release(id: string): Promise<void>;
}

export function createSettle(options: {
  docker: Pick<Docker, 'inspect' | 'connect' | 'disconnect'>;
  table: EndpointTable;
  endpoints: Endpoints;
  addresses: Addresses;
  identify: Identify;
  ipam: Pick<Ipam, 'find' | 'ofContainer' | 'owned' | 'update' | 'release' | 'lease'>;
  /** The network's record, if there is such a network. */
  record: (network: string) => { network: Network; version: number } | undefined;
  log: Log;
  now?: () => number;
}): Settle {
  const { docker, table, endpoints, addresses, identify, ipam, record, log, now = Date.now } = options;
  const lock = createKeyedLock();

  /** Every address that has to do with the container. */
  function placesOf(id: string, container: Container | undefined): Place[] {
    const attached = (container?.attached ?? []).filter(
      ({ network, endpoint }) => record(network) !== undefined || table.get(endpoint) !== undefined,
    );
    const places = new Map<string, Place>();
    function add(network: string, ip: string): void {
      const settings = attached.find((one) => one.network === network);
      const running = attached.find((one) => one.network === network && one.ip === ip && one.endpoint !== '');
      const lease = ipam.find(network, ip);
      places.set(`${network} ${ip}`, {
        network,
        ip,
        lease,
        entry: table.at(network, ip),
        ...(running &&
          container?.running && {
            docker: { container: id, endpoint: running.endpoint, isKept: isKept(running) },
          }),
        // Another container may have been given a kept address of this one for the time being.
        isSettled: settings !== undefined && (lease?.container === undefined || lease.container === id),
        isAwaited: addresses.isAwaited(network, ip),
      });
    }
    for (const { network, ip } of ipam.ofContainer(id)) add(network, ip);
    for (const { network, ip, endpoint } of attached) if (endpoint !== '') add(network, ip);
    for (const { endpoint, occupant } of table.list())
      if (occupant?.id === id) add(endpoint.network.id, endpoint.ip);
    return [...places.values()];
  }

  async function leaseAgain({ network, ip, docker: has }: Place): Promise<void> {
    const found = record(network);
    if (!found || !has) return;
    const { container, endpoint, isKept: kept } = has;
    await ipam.lease(found, { container, endpoint, kept, names: [], up: true }, ip);
    log.info('address leased again', { container: shortId(container), network, ip });
  }

  /** The address belongs to another container by now: nothing may use it a moment longer. */
  async function dispossess({ network, ip, docker: has }: Place, attached: Attached): Promise<void> {
    if (!has) return;
    log.warn('address lost: this host was away for too long', { container: shortId(has.container), network, ip });
    await endpoints.close(has.endpoint);
    await reconnect(docker, has.container, attached, log);
  }

  async function perform(step: Step, place: Place, container: Container | undefined): Promise<void> {
    const { network, ip, lease, entry, docker: has } = place;
    const attached = container?.attached.find((one) => one.network === network);
    switch (step) {
      case 'lease':
        try {
          return await leaseAgain(place);
        } catch (error) {
          if (!(error instanceof AppError && error.kind === 'conflict') || !attached) throw error;
          return dispossess(place, attached);
        }
      case 'claim':
        return void (await ipam.update(network, ip, { endpoint: has?.endpoint, up: true }));
      case 'identify':
        if (container && attached) identify(container, attached);
        return;
      case 'reconnect':
        if (container && attached) await reconnect(docker, container.id, attached, log);
        return;
      case 'close':
        return entry && endpoints.close(entry.endpoint.id);
      case 'rest':
        return void (await ipam.update(network, ip, { endpoint: undefined, up: false }));
      case 'release':
        return lease && release(lease);
    }
  }

  async function release(lease: Lease): Promise<void> {
    const { network, ip, time } = lease;
    await ipam.release(network, ip, (found) => found.time === time);
    log.info('address returned', { container: lease.container && shortId(lease.container), network, ip });
  }

  /** A container that is gone may have lent its address to another, which runs. */
  function passOn(id: string): void {
    for (const { network, ip } of ipam.ofContainer(id)) {
      const occupant = table.at(network, ip)?.occupant;
      if (occupant && occupant.id !== id) endpoints.tell(network, ip, { container: occupant.id, kept: false });
    }
  }

  async function settle(id: string): Promise<void> {
    const container = await docker.inspect(id);
    if (!container) passOn(id);
    for (const place of placesOf(id, container)) {
      const isBorrowed = place.entry?.occupant !== undefined && place.entry.occupant.id !== id;
      if (isBorrowed) continue;
      for (const step of plan(place, now())) await perform(step, place, container);
    }
  }

  return {
    container: (id) => lock(id, () => settle(id)),
    async orphans() {
      for (const lease of ipam.owned()) {
        if (lease.container !== undefined) continue;
        const { network, ip } = lease;
        const isAwaited = addresses.isAwaited(network, ip);
        const place = { network, ip, lease, entry: table.at(network, ip), isSettled: false, isAwaited };
        for (const step of plan(place, now())) await perform(step, place, undefined);
      }
    },
    release: (id) =>
      lock(id, async () => {
        for (const { endpoint, occupant } of table.list())
          if (occupant?.id === id) await endpoints.close(endpoint.id);
        for (const lease of ipam.ofContainer(id)) await release(lease);
      }).catch((error: unknown) => {
        log.warn('not all is given back yet', { container: shortId(id), error: messageOf(error) });
        throw error;
      }),
  };
}
