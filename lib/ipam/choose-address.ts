import { formatAddress, parseAddress } from '../base/ipv4.js';
import type { Network } from '../base/model.js';
import { spaceOf, type AddressSpace } from './address-space.js';
import { blockSize, firstOfBlock } from './blocks.js';
import type { ChosenAddresses } from './chosen.js';
import type { KnownBlock, LeaseIndex } from './lease-index.js';
import { createRestingAddresses, type Resting } from './resting.js';

/**
 * Chooses addresses for new containers: from the blocks of this host, else from a block that nobody has yet, else, when there
 * is none, any that is free in another host's block. Addresses rest as long as possible before they are reused: the search
 * goes round the network's range, and takes what was given back a moment ago, see {@link REST_MS}, only when no other is left,
 * and then what has rested longest; last of all what users chose for containers that do not run.
 */
export interface AddressChooser {
  /** Undefined when every address is taken, as far as is known. The chosen address counts as taken until `done`. */
  choose(network: Network): string | undefined;
  /** The address's lease is in the index now, or was not given after all. */
  done(network: Network, ip: string): void;
  /**
   * Another host was quicker with this address, which is not `done` yet: look for new blocks elsewhere, not where every host
   * looks. When many are lost together, only the first moves the search: the others follow it, and share blocks.
   */
  scatter(network: Network, ip: string): void;
}

interface Search {
  /** Where the next search begins; undefined for the first address. */
  cursor?: number;
  /** How often the search was moved. */
  moves: number;
  /** Addresses that are chosen and not `done` yet, with the number of moves before each was chosen. */
  chosen: Map<number, number>;
}

/** A network as one search sees it. */
interface View {
  id: string;
  space: AddressSpace;
  resting: Resting;
  chosen: ReadonlyMap<number, number>;
  /** Where the search begins. */
  cursor: number;
}

export function createAddressChooser(
  index: LeaseIndex,
  {
    random = Math.random,
    now = () => performance.now(),
    chosen: chosenOn = () => [],
  }: {
    /** From 0 up to, not including, 1. */
    random?: () => number;
    /** Milliseconds, by a clock that nobody sets. */
    now?: () => number;
    /** What users chose on a network, whether or not it is leased. */
    chosen?: ChosenAddresses['on'];
  } = {},
): AddressChooser {
  const restingOn = createRestingAddresses(index, ({ block }) => firstOfBlock(block), now);
  const searches = new Map<string, Search>();

  function searchOf({ id }: Network): Search {
    let search = searches.get(id);
    if (!search) searches.set(id, (search = { moves: 0, chosen: new Map<number, number>() }));
    return search;
  }

  function viewOf(network: Network): View {
    const space = spaceOf(network);
    const { cursor, chosen } = searchOf(network);
    // A network of this name may have had another subnet before.
    const isInside = cursor !== undefined && space.from <= cursor && cursor <= space.to;
    const { id } = network;
    const resting = sparing(id, space, restingOn(id));
    return { id, space, resting, chosen, cursor: isInside ? cursor : space.from };
  }

  /** What rests, and after it what users chose and does not run. */
  function sparing(id: string, space: AddressSpace, resting: Resting): Resting {
    const spared = new Map<string, number>();
    const perBlock = blockSize(space.subnet);
    for (const ip of chosenOn(id)) {
      const address = parseAddress(ip) ?? 0;
      if (space.isUsable(address) && !resting.has(ip) && !index.at(id, ip))
        spared.set(ip, address - (address % perBlock));
    }
    if (spared.size === 0) return resting;
    return {
      has: (ip) => spared.has(ip) || resting.has(ip),
      within: (first) =>
        resting.within(first) + [...spared.values()].filter((block) => block === first).length,
      inOrder: () => [...resting.inOrder(), ...spared.keys()],
    };
  }

  const isFree = ({ id, space, chosen }: View, address: number) =>
    space.isUsable(address) && !chosen.has(address) && !index.at(id, formatAddress(address));

  /** Whether no address of a block is left that is neither leased nor at rest. */
  const isSpent = ({ space, resting }: View, { first, count }: KnownBlock) =>
    count + resting.within(first) >= space.room(first);

  /** The first free address in these blocks, from the cursor on and round. */
  function inBlocks(view: View, blocks: Iterable<KnownBlock>): number | undefined {
    const { space, resting, cursor } = view;
    const size = space.to - space.from + 1;
    const perBlock = blockSize(space.subnet);
    const distance = (address: number) => (address - cursor + size) % size;
    let nearest: number | undefined;
    let least = Infinity;
    for (const block of blocks) {
      const from = Math.max(block.first, space.from);
      const to = Math.min(block.first + perBlock - 1, space.to);
      const holdsCursor = from <= cursor && cursor <= to;
      if (from > to || (!holdsCursor && distance(from) >= least) || isSpent(view, block)) continue;
      for (let address = from; address <= to; address++) {
        if (distance(address) >= least || !isFree(view, address) || resting.has(formatAddress(address)))
          continue;
        [nearest, least] = [address, distance(address)];
      }
    }
    return nearest;
  }

  /** The next address, from the cursor on and round, in a block that is not in the store. */
  function inNewBlock(view: View): number | undefined {
    const { id, space, resting, cursor } = view;
    const size = space.to - space.from + 1;
    const perBlock = blockSize(space.subnet);
    for (let step = 0; step < size;) {
      const address = space.from + ((cursor - space.from + step) % size);
      const first = address - (address % perBlock);
      if (index.blockAt(id, first) || isSpent(view, { first, count: 0 })) {
        step += first + perBlock - address;
        continue;
      }
      if (isFree(view, address) && !resting.has(formatAddress(address))) return address;
      step++;
    }
    return undefined;
  }

  /** What has rested longest. */
  function amongResting(view: View): number | undefined {
    const { space, resting } = view;
    for (const ip of resting.inOrder()) {
      const address = parseAddress(ip) ?? 0;
      if (space.from <= address && address <= space.to && isFree(view, address)) return address;
    }
    return undefined;
  }

  return {
    choose(network) {
      const view = viewOf(network);
      const address =
        inBlocks(view, index.ownBlocks(network.id)) ??
        inNewBlock(view) ??
        inBlocks(view, index.blocks(network.id)) ??
        amongResting(view);
      if (address === undefined) return undefined;
      const search = searchOf(network);
      search.chosen.set(address, search.moves);
      search.cursor = address + 1;
      return formatAddress(address);
    },
    done(network, ip) {
      searchOf(network).chosen.delete(parseAddress(ip) ?? 0);
    },
    scatter(network, ip) {
      const search = searchOf(network);
      if (search.chosen.get(parseAddress(ip) ?? 0) !== search.moves) return;
      const { from, to } = spaceOf(network);
      search.cursor = from + Math.floor(random() * (to - from + 1));
      search.moves++;
    },
  };
}
