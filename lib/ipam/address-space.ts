import { contains, parseAddress, parseCidr, parseSubnet, type Subnet } from '../base/ipv4.js';
import type { Network } from '../base/model.js';
import { blockSize } from './blocks.js';

/** The addresses of a network that may be given. */
export interface AddressSpace {
  subnet: Subnet;
  /** First and last address among which one is looked for that nobody asked for. Some of these may not be given. */
  from: number;
  to: number;
  /** How many addresses may be given in all. */
  capacity: number;
  /** How many of them lie between `from` and `to`. */
  choices: number;
  /** Whether an address may be given, to somebody who asks for it. */
  isUsable(address: number): boolean;
  /** Why an address of the subnet may not be given, to follow "address … "; undefined when it may. */
  refusal(address: number): string | undefined;
  /**
   * How many addresses of a block may be given.
   *
   * @param first the block's first address
   */
  room(first: number): number;
}

/**
 * A network gives all addresses of its subnet but the network and broadcast addresses, its gateway, and those that its creator
 * keeps aside. What its creator chose has been checked: a range that lies elsewhere is as good as none. Throws `invalid` for
 * the subnet.
 */
export function spaceOf({ id, subnet: text, gateway, settings }: Network): AddressSpace {
  const subnet = parseSubnet(text);
  const reserved = new Map<number, string>();
  const reserve = (address: number | undefined, why: string) => {
    if (address !== undefined && contains(subnet, address)) reserved.set(address, why);
  };
  for (const [name, ip] of Object.entries(settings?.aux ?? {}))
    reserve(parseAddress(ip), `is kept aside on network ${id} (aux-address ${name})`);
  reserve(subnet.first, `is the network address of network ${id}`);
  reserve(subnet.last, `is the broadcast address of network ${id}`);
  reserve(parseAddress(gateway), `is the gateway address of network ${id}`);

  const size = blockSize(subnet);
  const reservedIn = new Map<number, number>();
  for (const address of reserved.keys()) {
    const first = address - (address % size);
    reservedIn.set(first, (reservedIn.get(first) ?? 0) + 1);
  }

  const { from, to } = windowOf(subnet, settings?.range);
  const outOfChoice = [...reserved.keys()].filter((address) => from <= address && address <= to).length;
  return {
    subnet,
    from,
    to,
    capacity: subnet.last - subnet.first + 1 - reserved.size,
    choices: to - from + 1 - outOfChoice,
    isUsable: (address) => contains(subnet, address) && !reserved.has(address),
    refusal: (address) => reserved.get(address),
    room: (first) => size - (reservedIn.get(first) ?? 0),
  };
}

/** How many addresses containers can have on a network, those outside its range included. */
export function capacityOfNetwork(network: Network): number {
  return spaceOf(network).capacity;
}

function windowOf(subnet: Subnet, text: string | undefined): { from: number; to: number } {
  const range = text === undefined ? undefined : parseCidr(text);
  if (!range || !contains(subnet, range.first) || !contains(subnet, range.last))
    return { from: subnet.first, to: subnet.last };
  return { from: range.first, to: range.last };
}
