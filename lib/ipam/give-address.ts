import pLimit from 'p-limit';
import { AppError } from '../base/errors.js';
import { capacityOf, contains, gatewayOf, parseAddress, parseSubnet } from '../base/ipv4.js';
import type { Network, NetworkRecord } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import type { Edit } from './block-edits.js';
import type { BlockWriter } from './block-writer.js';
import { blockKey, isUsable, type Lease, type StoredBlock, type StoredLease } from './blocks.js';
import { createAddressChooser } from './choose-address.js';
import type { LeaseIndex } from './lease-index.js';
import type { LeaseReader } from './read-leases.js';

/**
 * How many addresses may be chosen and not written yet: about as many as one write takes. Containers beyond that choose
 * later: as every host looks in the same place, others may be quicker, and an early choice would be in vain.
 */
const CHOSEN = 900;
/** Lost races for one address; each is won by another host, so losing this many in a row is no accident. */
const RETRIES = 1_000;

/** Gives addresses to containers that have none on the network. */
export interface AddressGiver {
  /** Throws `conflict` or `invalid` when this address could not be given to a new container. */
  check(network: Network, requested: string): Promise<void>;
  /** Leases the requested address, else the next free one. */
  give(record: NetworkRecord, lease: StoredLease, requested?: string): Promise<Lease>;
}

/** @param host id of this host */
export function createAddressGiver({
  index,
  writer,
  reader,
  host,
}: {
  index: LeaseIndex;
  writer: BlockWriter;
  reader: LeaseReader;
  host: string;
}): AddressGiver {
  const chooser = createAddressChooser(index);
  const limit = pLimit(CHOSEN);

  async function check(network: Network, requested: string): Promise<void> {
    checkUsable(network, requested);
    if (!index.at(network.id, requested)) return;
    // Another host may have given it back a moment ago: the watch may lag behind.
    await writer.refresh([blockKey(network.id, parseSubnet(network.subnet), requested)]);
    const owner = index.at(network.id, requested);
    if (owner) throw taken(owner);
  }

  async function choose({ network: { id, subnet } }: NetworkRecord): Promise<string> {
    const free = chooser.choose(id, subnet);
    if (free !== undefined) return free;
    await reader.refresh(id);
    const returned = chooser.choose(id, subnet);
    if (returned !== undefined) return returned;
    const capacity = capacityOf(parseSubnet(subnet));
    throw new AppError('exhausted', `network ${id} (${subnet}) is full: all ${capacity} addresses are taken`);
  }

  /** An edit that gives the address to the container, unless another host was quicker. */
  function giving(record: NetworkRecord, ip: string, lease: StoredLease, any: boolean): Edit {
    const { network } = record;
    const key = blockKey(network.id, parseSubnet(network.subnet), ip);
    // A block that another host has made in the meantime is left to that host as long as there are other blocks.
    const mayShare = any || index.block(key).version > 0;
    return {
      key,
      guard: record,
      change(block: StoredBlock) {
        const owner = block.leases[ip];
        if (owner && owner.container !== lease.container)
          throw new Lost({ ...owner, network: network.id, ip, block: key });
        if (block.host !== host && !mayShare) throw new Lost();
        block.leases[ip] = lease;
      },
    };
  }

  async function give(record: NetworkRecord, lease: StoredLease, requested?: string): Promise<Lease> {
    const { id, subnet } = record.network;
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      if (requested !== undefined) await check(record.network, requested);
      const ip = requested ?? (await choose(record));
      try {
        await writer.edit(giving(record, ip, lease, requested !== undefined));
        return { ...lease, network: id, ip, block: blockKey(id, parseSubnet(subnet), ip) };
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        if (requested !== undefined && error.owner) throw taken(error.owner);
        chooser.scatter(id, subnet, ip);
      } finally {
        chooser.done(id, ip);
      }
    }
    throw new AppError('unavailable', `no address of network ${id} could be leased: try again`);
  }

  return { check, give: (...args) => limit(() => give(...args)) };
}

/** Throws `invalid` for an address outside the subnet, or one that no container may have. */
function checkUsable(network: Network, requested: string): void {
  const subnet = parseSubnet(network.subnet);
  const address = parseAddress(requested);
  if (address === undefined || !contains(subnet, address)) {
    throw new AppError(
      'invalid',
      `address ${JSON.stringify(requested)} is not in subnet ${network.subnet} of network ${network.id}`,
    );
  }
  if (!isUsable(subnet, address)) {
    const role =
      address === gatewayOf(subnet) ? 'gateway' : address === subnet.first ? 'network' : 'broadcast';
    throw new AppError('invalid', `address ${requested} is the ${role} address of network ${network.id}`);
  }
}

/** Another host was quicker. */
class Lost extends Error {
  constructor(readonly owner?: Lease) {
    super('the address was given to another container meanwhile');
  }
}

function taken({ ip, network, container }: Lease): AppError {
  return new AppError(
    'conflict',
    `address ${ip} of network ${network} is in use by container ${shortId(container)}`,
  );
}
