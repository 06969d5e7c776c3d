import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import { grantOf, type Grant, type Ipam, type Lease } from '../ipam/ipam.js';
import { DEFAULT_NETWORK, type Networks } from '../network/networks.js';

/** What one store holds. */
export interface Belongings {
  networks: readonly Network[];
  /** Only those of this host. */
  leases: readonly Lease[];
}

/** The store that receives the belongings. */
export interface Side {
  networks: Networks;
  ipam: Ipam;
}

/**
 * Takes this host's networks and leases from one store to another when it joins or leaves a cluster: running containers keep
 * their addresses. Networks keep their VNIs where these are free, so that ports and rules stay as they are. What already
 * exists is left alone, so a transfer may be repeated.
 *
 * A network that has no containers on this host and conflicts with one in the other store stays behind, and so does the
 * default network, which exists there already, unless containers run on it and it is another one there. An address that is taken there, or may not be given there, is lost; its
 * container gets another.
 *
 * @param unused whether networks without containers are taken along too
 * @throws AppError `conflict` when a network in use here conflicts with one in the other store; nothing has been changed then
 */
export async function transfer(
  { networks, leases }: Belongings,
  to: Side,
  { unused, log }: { unused: boolean; log: Log },
): Promise<void> {
  const isUsed = (id: string) =>
    // Those that do not run are given other addresses of the default network when it changes.
    leases.some(({ network, up }) => network === id && (up || id !== DEFAULT_NETWORK));
  const theirs = new Map((await to.networks.list()).map((network) => [network.id, network]));
  const mine = networks.toSorted((a, b) => a.vni - b.vni);

  for (const network of mine) {
    const { id } = network;
    const other = theirs.get(id);
    const isWanted = isUsed(id) || (other !== undefined && id !== DEFAULT_NETWORK);
    if (!isWanted || (other && isSame(other, network))) continue;
    const clash = other ?? (await clashOf(to.networks, id, network.subnet));
    if (!clash) continue;
    const [here, there] = difference(network, clash);
    throw new AppError(
      'conflict',
      `network ${id} (${here}) has containers on this host and is in the way of network ${clash.id} (${there}) ` +
        'of the cluster: remove the containers or that network first',
    );
  }
  for (const { id, ...choice } of mine) {
    if (theirs.has(id) || !(unused || isUsed(id))) continue;
    try {
      await to.networks.create(id, choice);
    } catch (error) {
      if (!(error instanceof AppError && error.kind === 'conflict')) throw error;
      log.warn('network stays behind', { network: id, reason: messageOf(error) });
    }
  }
  await Promise.all(leases.map((lease) => move(lease, to, log)));
}

/** Whether containers cannot tell one from the other. */
const isSame = (a: Network, b: Network) => a.subnet === b.subnet && a.gateway === b.gateway;
/** What people see that two networks differ in. */
const difference = (a: Network, b: Network) =>
  [a, b].map(({ subnet, gateway }) => (a.subnet === b.subnet ? `gateway ${gateway}` : subnet));

async function clashOf(networks: Networks, id: string, subnet: string) {
  return (await networks.overlapping(subnet)).find((other) => other.id !== id);
}

/** What was put back from a back-up. */
export interface PutBack {
  networks: { made: string[]; there: string[] };
  addresses: { made: number; there: number; lost: { network: string; ip: string; why: string }[] };
}

/**
 * Puts back networks and leases of all hosts that are not there; may be repeated. Nobody gets an address that is leased in the
 * back-up, until its host has it again or is given up.
 *
 * @throws AppError `conflict` when a network is in the way of one in the back-up; nothing has been changed then
 */
export async function putBack(
  {
    networks,
    leases,
  }: {
    networks: readonly Network[];
    leases: readonly (Grant & { network: string; ip: string; host: string; time: string })[];
  },
  to: Side,
): Promise<PutBack> {
  const done: PutBack = { networks: { made: [], there: [] }, addresses: { made: 0, there: 0, lost: [] } };
  const theirs = new Map((await to.networks.list()).map((network) => [network.id, network]));
  const isUsed = (id: string) => leases.some((lease) => lease.network === id);
  const missing: Network[] = [];
  for (const network of networks) {
    const other = theirs.get(network.id);
    if (other && (isSame(other, network) || (network.id === DEFAULT_NETWORK && !isUsed(network.id)))) {
      done.networks.there.push(network.id);
      continue;
    }
    const clash = other ?? (await clashOf(to.networks, network.id, network.subnet));
    if (clash) {
      const [saved, there] = difference(network, clash);
      throw new AppError(
        'conflict',
        `nothing is restored: network ${clash.id} (${there}) is in the way of network ${network.id} (${saved}) of the back-up: remove it first`,
      );
    }
    missing.push(network);
  }
  for (const network of missing.toSorted((a, b) => a.vni - b.vni)) {
    await to.networks.restore(network);
    done.networks.made.push(network.id);
  }
  for (const lease of leases) await putBackLease(lease, to, done.addresses);
  return done;
}

async function putBackLease(
  lease: Grant & { network: string; ip: string; host: string; time: string },
  { networks, ipam }: Side,
  done: PutBack['addresses'],
): Promise<void> {
  const { network, ip, container, host } = lease;
  // It was given to nobody yet, or never became a container's.
  if (container === undefined) return;
  const there = ipam.index.at(network, ip);
  if (there?.container === container && there.host === host) {
    done.there++;
    return;
  }
  try {
    const record = await networks.find(network);
    if (!record) throw new AppError('notFound', `network ${network} is not there`);
    await ipam.putBack(record, lease);
    done.made++;
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'unavailable') throw error;
    done.lost.push({ network, ip, why: messageOf(error) });
  }
}

async function move(lease: Lease, { networks, ipam }: Side, log: Log): Promise<void> {
  const { container, network, ip } = lease;
  const isThere = () => isOfSame(ipam.find(network, ip), lease);
  if (isThere()) return;
  const own = ipam.find(network, ip);
  if (container !== undefined && own?.container === container) {
    // Put back from a back-up, before the container was started again.
    await ipam.update(network, ip, grantOf(lease));
    return;
  }
  try {
    const record = await networks.find(network);
    if (!record) throw new AppError('notFound', `network ${network} is not there`);
    await ipam.lease(record, grantOf(lease), ip);
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'unavailable') throw error;
    // Moved by an earlier attempt, of which nothing was known here until the address turned out to be taken.
    if (isThere()) return;
    log.warn('address is lost, the container gets another', {
      container: container === undefined ? undefined : shortId(container),
      network,
      ip,
      reason: messageOf(error),
    });
  }
}

/** Whether two leases of one address are for the same container and endpoint. */
function isOfSame(a: Lease | undefined, b: Lease): boolean {
  return a !== undefined && a.container === b.container && a.endpoint === b.endpoint;
}
