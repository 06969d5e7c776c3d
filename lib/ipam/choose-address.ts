import { blockSize, isUsable, usableIn } from './blocks.js';
import {
  capacityOf,
  contains,
  formatAddress,
  gatewayOf,
  parseAddress,
  parseSubnet,
  type Subnet,
} from '../base/ipv4.js';
import type { KnownBlock, LeaseIndex } from './lease-index.js';

/**
 * Chooses addresses for new containers: from the blocks of this host, else from a block that nobody has yet, else, when there
 * is none, any that is free in another host's block. Addresses rest as long as possible before they are reused: the search
 * goes round the subnet.
 */
export interface AddressChooser {
  /** Undefined when every address is taken, as far as is known. The chosen address counts as taken until `done`. */
  choose(network: string, subnet: string): string | undefined;
  /** The address's lease is in the index now, or was not given after all. */
  done(network: string, ip: string): void;
  /**
   * Another host was quicker with this address, which is not `done` yet: look for new blocks elsewhere, not where every host
   * looks. When many are lost together, only the first moves the search: the others follow it, and share blocks.
   */
  scatter(network: string, subnet: string, ip: string): void;
}

interface Search {
  /** Where the next search begins; undefined for the subnet's first address. */
  cursor?: number;
  /** How often the search was moved. */
  moves: number;
  /** Addresses that are chosen and not `done` yet, with the number of moves before each was chosen. */
  chosen: Map<number, number>;
}

export function createAddressChooser(index: LeaseIndex, random: () => number = Math.random): AddressChooser {
  const searches = new Map<string, Search>();

  function searchOf(network: string): Search {
    let search = searches.get(network);
    if (!search) searches.set(network, (search = { moves: 0, chosen: new Map<number, number>() }));
    return search;
  }

  /** Where the search begins. A network of this name may have had another subnet before. */
  function cursorIn(network: string, subnet: Subnet): number {
    const { cursor } = searchOf(network);
    return cursor !== undefined && contains(subnet, cursor) ? cursor : subnet.first;
  }

  /** The first free address in these blocks, from the cursor round the subnet. */
  function inBlocks(network: string, subnet: Subnet, blocks: Iterable<KnownBlock>): number | undefined {
    const { chosen } = searchOf(network);
    const cursor = cursorIn(network, subnet);
    const size = subnet.last - subnet.first + 1;
    const distance = (address: number) => (address - cursor + size) % size;
    let nearest: number | undefined;
    let least = Infinity;
    for (const { first, count } of blocks) {
      const { from, to } = usableIn(subnet, first);
      const holdsCursor = from <= cursor && cursor <= to;
      if (count > to - from || (!holdsCursor && distance(from) >= least)) continue;
      for (let address = from; address <= to; address++) {
        const isFree = !chosen.has(address) && !index.at(network, formatAddress(address));
        if (isFree && distance(address) < least) [nearest, least] = [address, distance(address)];
      }
    }
    return nearest;
  }

  /** The next address, round the subnet, in a block that is not in the store. */
  function inNewBlock(network: string, subnet: Subnet): number | undefined {
    const { chosen } = searchOf(network);
    const cursor = cursorIn(network, subnet);
    const size = subnet.last - subnet.first + 1;
    const perBlock = blockSize(subnet);
    for (let step = 0; step < size + perBlock;) {
      const address = subnet.first + ((cursor - subnet.first + step) % size);
      const first = address - (address % perBlock);
      if (index.blockAt(network, first)) {
        step += first + perBlock - address;
        continue;
      }
      if (isUsable(subnet, address) && !chosen.has(address)) return address;
      step++;
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
      if (address === undefined) return undefined;
      const search = searchOf(network);
      search.chosen.set(address, search.moves);
      search.cursor = address + 1;
      return formatAddress(address);
    },
    done(network, ip) {
      searchOf(network).chosen.delete(parseAddress(ip) ?? 0);
    },
    scatter(network, subnetText, ip) {
      const search = searchOf(network);
      if (search.chosen.get(parseAddress(ip) ?? 0) !== search.moves) return;
      const subnet = parseSubnet(subnetText);
      search.cursor = gatewayOf(subnet) + 1 + Math.floor(random() * capacityOf(subnet));
      search.moves++;
    },
  };
}
