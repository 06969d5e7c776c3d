import { z } from 'zod';
import { AppError } from '../base/errors.js';
import type { Entry } from '../store/store.js';
import { formatAddress, parseAddress, type Subnet } from '../base/ipv4.js';
import { isSameGrant } from './grant.js';

/**
 * How leases are kept in the store. A subnet is divided into small aligned blocks, each under one key,
 * `blocks/<network>/<first address>`, with the leases in it. The host that made a block takes its addresses from it, so hosts
 * do not contend for keys, and one write leases any number of addresses and publishes them, with their names, to all hosts. A
 * block without leases is not kept.
 */
const PREFIX = 'blocks/';
/** Enough that a host rarely needs a new block, few enough that one change stays a small message. */
const LARGEST = 16;
/** A small subnet is divided more finely, so that this many hosts can have their own block. */
const AIMED_AT_HOSTS = 64;

const storedLease = z.object({
  id: z.string(),
  container: z.string().optional(),
  endpoint: z.string().optional(),
  host: z.string(),
  time: z.string(),
  kept: z.boolean(),
  mac: z.string().optional(),
  names: z.array(z.string()),
  up: z.boolean(),
});
export type StoredLease = z.infer<typeof storedLease>;

const storedBlock = z.object({
  /** Id of the host that takes its addresses from this block. */
  host: z.string(),
  /** By address. */
  leases: z.record(z.ipv4(), storedLease),
});
export type StoredBlock = z.infer<typeof storedBlock>;

/** An address and its one owner. What it says of the owner, see `Grant`, may change; the rest stays as long as it lasts. */
export interface Lease extends StoredLease {
  /** Random: an address that is given back and leased again has another lease. */
  id: string;
  /** Id of the host that leased the address. */
  host: string;
  /** ISO 8601, when the address was leased. */
  time: string;
  network: string;
  /** Dotted quad. */
  ip: string;
  /** Key of the block that holds it. */
  block: string;
}

export function blockPrefix(network?: string): string {
  return network === undefined ? PREFIX : `${PREFIX}${network}/`;
}

export function networkOfBlock(key: string): string {
  return key.slice(PREFIX.length, key.lastIndexOf('/'));
}

/** How many addresses a block of this subnet has, a power of two. */
export function blockSize(subnet: Subnet): number {
  return Math.max(1, Math.min(LARGEST, 2 ** (32 - subnet.prefix) / AIMED_AT_HOSTS));
}

/** Key of the block that holds an address. */
export function blockKey(network: string, subnet: Subnet, ip: string): string {
  const size = blockSize(subnet);
  const address = parseAddress(ip) ?? 0;
  return blockPrefix(network) + formatAddress(address - (address % size));
}

export function isBlockKey(key: string): boolean {
  return parseAddress(key.slice(key.lastIndexOf('/') + 1)) !== undefined;
}

/** First address of a block, from its key. */
export function firstOfBlock(key: string): number {
  const address = parseAddress(key.slice(key.lastIndexOf('/') + 1));
  if (address === undefined) throw new AppError('internal', `the store holds no valid block at ${key}`);
  return address;
}

export function parseBlock({ key, value }: Pick<Entry, 'key' | 'value'>): StoredBlock {
  firstOfBlock(key);
  const parsed = storedBlock.safeParse(JSON.parse(value));
  if (!parsed.success) {
    throw new AppError('internal', `the store holds no valid block at ${key}: ${parsed.error.message}`);
  }
  return parsed.data;
}

export function leasesOf(key: string, block: StoredBlock | undefined): Lease[] {
  const network = networkOfBlock(key);
  return Object.entries(block?.leases ?? {}).map(([ip, lease]) => ({ ...lease, network, ip, block: key }));
}

/** Whether a lease is what it was. */
export function isSameLease(a: Lease | undefined, b: Lease): boolean {
  return a !== undefined && a.id === b.id && a.host === b.host && a.time === b.time && isSameGrant(a, b);
}
