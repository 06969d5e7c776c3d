import pLimit from 'p-limit';
import { addressInUse } from './address-in-use.js';
import { AppError } from '../base/errors.js';
import { contains, parseAddress, parseSubnet } from '../base/ipv4.js';
import type { Network, NetworkRecord } from '../base/model.js';
import type { AbandonedLeases } from './abandoned.js';
import { spaceOf } from './address-space.js';
import type { Edit } from './block-edits.js';
import type { BlockWriter } from './block-writer.js';
import { blockKey, type Lease, type StoredBlock, type StoredLease } from './blocks.js';
import type { AddressChooser } from './choose-address.js';
import type { LeaseIndex } from './lease-index.js';
import type { LeaseReader } from './read-leases.js';

/**
 * How many addresses may be chosen and not written yet: about as many as one write takes. Containers beyond that choose
 * later: as every host looks in the same place, others may be quicker, and an early choice would be in vain.
 */
const CHOSEN = 900;
/** Lost races for one address; each is won by another host, so losing this many in a row is no accident. */
const RETRIES = 1_000;

/** Gives addresses of networks. */
export interface AddressGiver {
  /** Leases the requested address, else the next free one. Throws what `Ipam.lease` throws. */
  give(record: NetworkRecord, lease: StoredLease, requested?: string): Promise<Lease>;
}

export function createAddressGiver({
  index,
  writer,
  reader,
  chooser,
  abandoned,
  host,
}: {
  index: LeaseIndex;
  writer: BlockWriter;
  reader: LeaseReader;
  chooser: AddressChooser;
  abandoned: AbandonedLeases;
  /** Id of this host. */
  host: string;
}): AddressGiver {
  const limit = pLimit(CHOSEN);

  /** Throws `conflict` or `invalid` when this address could not be given now. */
  async function check(network: Network, requested: string): Promise<void> {
    checkUsable(network, requested);
    if (!index.at(network.id, requested)) return;
    // Another host may have given it back a moment ago: the watch may lag behind.
    await writer.refresh([keyOf(network, requested)]);
    const owner = index.at(network.id, requested);
    if (owner && !abandoned.has(owner)) throw addressInUse(owner);
  }

  async function choose(network: Network): Promise<string> {
    const free = chooser.choose(network);
    if (free !== undefined) return free;
    await reader.refresh(network.id);
    const returned = chooser.choose(network);
    if (returned !== undefined) return returned;
    throw full(network);
  }

  /** An edit that puts the lease at the address, unless another is there. */
  function giving(record: NetworkRecord, ip: string, lease: StoredLease, any: boolean): Edit {
    const { network } = record;
    const key = keyOf(network, ip);
    // A block that another host has made in the meantime is left to that host as long as there are other blocks.
    const mayShare = any || index.block(key).version > 0;
    return {
      key,
      guard: record,
      change(block: StoredBlock) {
        const owner = block.leases[ip];
        // A swap that was given up may have been made: then the lease is there already.
        if (owner && owner.id !== lease.id && !abandoned.has(owner))
          throw new Lost({ ...owner, network: network.id, ip, block: key });
        if (block.host !== host && !mayShare) throw new Lost();
        block.leases[ip] = lease;
      },
    };
  }

  async function give(record: NetworkRecord, lease: StoredLease, requested?: string): Promise<Lease> {
    const { network } = record;
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      if (requested !== undefined) await check(network, requested);
      const ip = requested ?? (await choose(network));
      const given = { ...lease, network: network.id, ip, block: keyOf(network, ip) };
      try {
        await writer.edit(giving(record, ip, lease, requested !== undefined));
        return given;
      } catch (error) {
        if (!(error instanceof Lost)) {
          abandoned.add(given);
          throw error;
        }
        if (requested !== undefined && error.owner) throw addressInUse(error.owner);
        chooser.scatter(network, ip);
      } finally {
        chooser.done(network, ip);
      }
    }
    throw new AppError('unavailable', `no address of network ${network.id} could be leased: try again`);
  }

  return { give: (...args) => limit(() => give(...args)) };
}

function keyOf({ id, subnet }: Network, ip: string): string {
  return blockKey(id, parseSubnet(subnet), ip);
}

/** Throws `invalid` for an address outside the subnet, or one that no container may have. */
function checkUsable(network: Network, requested: string): void {
  const space = spaceOf(network);
  const address = parseAddress(requested);
  if (address === undefined || !contains(space.subnet, address)) {
    throw new AppError(
      'invalid',
      `address ${JSON.stringify(requested)} is not in subnet ${network.subnet} of network ${network.id}`,
    );
  }
  const refusal = space.refusal(address);
  if (refusal !== undefined) throw new AppError('invalid', `address ${requested} ${refusal}`);
}

function full(network: Network): AppError {
  const { id, subnet, settings } = network;
  const { choices, capacity } = spaceOf(network);
  const range = choices < capacity ? ` of its range ${settings?.range}` : '';
  const taken = choices === 1 ? `the only address${range} is` : `all ${choices} addresses${range} are`;
  return new AppError('exhausted', `network ${id} (${subnet}) is full: ${taken} taken`);
}

/** Another host was quicker. */
class Lost extends Error {
  constructor(readonly owner?: Lease) {
    super('the address was leased meanwhile');
  }
}
