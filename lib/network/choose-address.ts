import { blockKey, blockSize, firstOfBlock, isUsable, usableIn } from './blocks.js';
import { capacityOf, formatAddress, gatewayOf, parseSubnet, type Subnet } from './cidr.js';
import type { LeaseIndex } from './lease-index.js';

/**
 * Chooses addresses for new containers: in the blocks of this host, else in a block that nobody has yet, else, when there is
 * none, wherever one is free in another host's. Addresses rest as long as possible before they are given again: the
 * search goes round the subnet.
 */
export interface AddressChooser {
  /** Undefined when every address is taken, as far as is known. It is taken until `done`. */
  choose(network: string, subnet: string): string | undefined;
  /** The address's lease is in the index now, or was not given after all. */
  done(network: string, ip: string): void;
  /** Others were quicker: look for new blocks elsewhere, not where all look. */
  scatter(network: string, subnet: string): void;
}

export function createAddressChooser(index: LeaseIndex, random: () => number = Math.random): AddressChooser {
  /** Chosen, with the write under way. */
  const chosen = new Map<string, Set<string>>();
  /** Where the next search of a network begins. */
  const cursors = new Map<string, number>();

  function isFree(network: string, ip: string): boolean {
    return index.at(network, ip) === undefined && !chosen.get(network)?.has(ip);
  }

  function take(network: string, address: number): string {
    const ip = formatAddress(address);
    let taken = chosen.get(network);
    if (!taken) chosen.set(network, (taken = new Set()));
    taken.add(ip);
    cursors.set(network, address + 1);
    return ip;
  }

  /** The first free address of these blocks from the cursor on, round the subnet. */
  function inBlocks(network: string, subnet: Subnet, keys: Iterable<string>): number | undefined {
    const from = cursors.get(network) ?? subnet.first;
    let wrapped: number | undefined;
    let best: number | undefined;
    for (const key of keys) {
      const usable = usableIn(subnet, firstOfBlock(key));
      if (Object.keys(index.block(key).block?.leases ?? {}).length === usable.length) continue;
      for (const address of usable) {
        if (!isFree(network, formatAddress(address))) continue;
        if (address >= from) best = Math.min(best ?? Infinity, address);
        else wrapped = Math.min(wrapped ?? Infinity, address);
      }
    }
    return best ?? wrapped;
  }

  /** The next address in a block that is not in the store, round the subnet. */
  function inNewBlock(network: string, subnet: Subnet): number | undefined {
    const capacity = capacityOf(subnet);
    const usable = gatewayOf(subnet) + 1;
    const start = Math.max(0, (cursors.get(network) ?? usable) - usable);
    const size = blockSize(subnet);
    for (let step = 0; step < capacity + size;) {
      const address = usable + ((start + step) % capacity);
      const key = blockKey(network, subnet, formatAddress(address));
      if (
        index.block(key).version === 0 &&
        isUsable(subnet, address) &&
        isFree(network, formatAddress(address))
      )
        return address;
      // On to the next block, or to the next address of one that is new but partly chosen.
      step += index.block(key).version === 0 ? 1 : size - (address % size);
    }
    return undefined;
  }

  return {
    choose(network, subnetText) {
      const subnet = parseSubnet(subnetText);
      const address =
        inBlocks(network, subnet, index.ownBlocks(network)) ??
        inNewBlock(network, subnet) ??
        inBlocks(network, subnet, index.blocks(network));
      return address === undefined ? undefined : take(network, address);
    },
    done(network, ip) {
      chosen.get(network)?.delete(ip);
    },
    scatter(network, subnetText) {
      const subnet = parseSubnet(subnetText);
      cursors.set(network, gatewayOf(subnet) + 1 + Math.floor(random() * capacityOf(subnet)));
    },
  };
}
