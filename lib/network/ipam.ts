import { z } from 'zod';
import { createKeyedLock } from '../concurrency/keyed-lock.js';
import { AppError } from '../errors.js';
import type { Entry, Store } from '../store/store.js';
import { capacityOf, contains, formatAddress, gatewayOf, parseAddress, parseSubnet } from './cidr.js';
import type { NetworkRecord } from './networks.js';

const PREFIX = 'leases/';
const RETRIES = 1_000;

const storedLease = z.object({
  container: z.string(),
  host: z.string(),
  /** ISO 8601, when the address was given. */
  time: z.string(),
});

/** An address and its one owner. */
export interface Lease extends z.infer<typeof storedLease> {
  network: string;
  ip: string;
}

export interface Ipam {
  /** Read all leases; call once before anything else. */
  load(): Promise<void>;
  /**
   * The container's address on the network: the one it has, else the requested one, else the next free one.
   * Takes one store write, none when the container has an address already.
   * Throws `conflict` (requested address is another's), `invalid` (outside the subnet or reserved), `exhausted`,
   * `notFound` (the network has gone).
   */
  acquire(
    record: NetworkRecord,
    container: string,
    requested?: string,
  ): Promise<{ lease: Lease; fresh: boolean }>;
  /** Throws like `acquire` when this address could not be given to a new container. */
  check(record: NetworkRecord, requested: string): void;
  /** Give back whatever the container has. Nothing to give back is no error. */
  release(container: string): Promise<void>;
  find(container: string): Lease | undefined;
  /** Containers that have an address from this host. */
  owned(): string[];
  usedOn(network: string): number;
}

export function leasePrefix(network: string): string {
  return `${PREFIX}${network}/`;
}

/**
 * Leases are keys `leases/<network>/<ip>`, made with compare-and-swap 0: whatever this index believes, the store
 * never lets an address have two owners. Invariant: `byContainer` and `byNetwork` hold what this process has read
 * or committed; an address that another host took is learnt from a lost swap.
 */
export function createIpam({
  store,
  host,
  now = () => new Date(),
}: {
  store: Store;
  /** Name of this host, written into each lease. */
  host: string;
  now?: () => Date;
}): Ipam {
  const byContainer = new Map<string, Lease>();
  const byNetwork = new Map<string, Map<string, Lease>>();
  /** Where the last search of a network ended: addresses rest as long as possible before they are given again. */
  const cursors = new Map<string, number>();
  /** Keys of leases whose write got no answer: it may have happened all the same. */
  const uncertain = new Map<string, string>();
  const lock = createKeyedLock();

  function remember(lease: Lease): void {
    if (lease.host === host) byContainer.set(lease.container, lease);
    let leases = byNetwork.get(lease.network);
    if (!leases) byNetwork.set(lease.network, (leases = new Map<string, Lease>()));
    leases.set(lease.ip, lease);
  }

  function forget(lease: Lease): void {
    byContainer.delete(lease.container);
    byNetwork.get(lease.network)?.delete(lease.ip);
  }

  function check({ network }: NetworkRecord, requested: string): void {
    const subnet = parseSubnet(network.subnet);
    const address = parseAddress(requested);
    if (address === undefined || !contains(subnet, address)) {
      throw new AppError(
        'invalid',
        `address ${JSON.stringify(requested)} is not in subnet ${network.subnet} of network ${network.id}`,
      );
    }
    if (address === subnet.first || address === subnet.last || address === gatewayOf(subnet)) {
      const role = { [subnet.first]: 'network', [subnet.last]: 'broadcast' }[address] ?? 'gateway';
      throw new AppError('invalid', `address ${requested} is the ${role} address of network ${network.id}`);
    }
    const owner = byNetwork.get(network.id)?.get(requested);
    if (owner) throw taken(network.id, requested, owner);
  }

  /** Learn what other hosts have taken and given back; this host's own leases are known. */
  async function refresh(network: string): Promise<void> {
    const found = (await store.list(leasePrefix(network))).map(parse).filter((lease) => lease.host !== host);
    for (const lease of byNetwork.get(network)?.values() ?? []) if (lease.host !== host) forget(lease);
    found.forEach(remember);
  }

  /** Undefined when every address is taken. */
  function nextFree({ network }: NetworkRecord): string | undefined {
    const subnet = parseSubnet(network.subnet);
    const capacity = capacityOf(subnet);
    const firstUsable = gatewayOf(subnet) + 1;
    const leases = byNetwork.get(network.id);
    if ((leases?.size ?? 0) < capacity) {
      const start = cursors.get(network.id) ?? 0;
      for (let step = 0; step < capacity; step++) {
        const offset = (start + step) % capacity;
        const ip = formatAddress(firstUsable + offset);
        if (leases?.has(ip)) continue;
        cursors.set(network.id, offset + 1);
        return ip;
      }
    }
    return undefined;
  }

  async function choose(record: NetworkRecord): Promise<string> {
    const { id, subnet } = record.network;
    const free = nextFree(record);
    if (free !== undefined) return free;
    await refresh(id);
    const returned = nextFree(record);
    if (returned !== undefined) return returned;
    const capacity = capacityOf(parseSubnet(subnet));
    throw new AppError('exhausted', `network ${id} (${subnet}) is full: all ${capacity} addresses are taken`);
  }

  /** Whether a lease whose write got no answer was made. */
  async function settleUncertain(container: string): Promise<void> {
    const key = uncertain.get(container);
    if (key === undefined) return;
    const entry = await store.get(key);
    if (entry && parse(entry).container === container) remember(parse(entry));
    uncertain.delete(container);
  }

  async function acquire(record: NetworkRecord, container: string, requested?: string) {
    const { network } = record;
    await settleUncertain(container);
    const mine = byContainer.get(container);
    if (mine?.network === network.id) return { lease: mine, fresh: false };
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      if (requested !== undefined) check(record, requested);
      const ip = requested ?? (await choose(record));
      const stored = { container, host, time: now().toISOString() };
      const lease: Lease = { ...stored, network: network.id, ip };
      const key = leasePrefix(network.id) + ip;
      // Taken in the index first: a concurrent search must not choose it too.
      remember(lease);
      let given = false;
      uncertain.set(container, key);
      try {
        given =
          0 <
          (await store.commit([
            // The network must not have been removed meanwhile.
            { key: `networks/${network.id}`, ifVersion: record.version },
            { key, value: JSON.stringify(stored), ifVersion: 0 },
          ]));
        uncertain.delete(container);
      } finally {
        if (!given) forget(lease);
      }
      if (given) return { lease, fresh: true };
      const entry = await store.get(key);
      if (entry) {
        remember(parse(entry));
      } else if ((await store.get(`networks/${network.id}`))?.version !== record.version) {
        throw new AppError(
          'notFound',
          `network ${JSON.stringify(network.id)} was changed or removed meanwhile`,
        );
      }
    }
    throw new AppError('unavailable', `no address of network ${network.id} could be leased: try again`);
  }

  return {
    async load() {
      for (const entry of await store.list(PREFIX)) remember(parse(entry));
    },
    // One container at a time, so that two triggers for the same start cannot lease twice.
    acquire: (record, container, requested) => lock(container, () => acquire(record, container, requested)),
    check,
    release: (container) =>
      lock(container, async () => {
        await settleUncertain(container);
        const lease = byContainer.get(container);
        if (!lease) return;
        const key = leasePrefix(lease.network) + lease.ip;
        const entry = await store.get(key);
        // Only what is still ours: somebody else's lease of the same address is not ours to delete.
        if (entry && parse(entry).container === container) {
          await store.commit([{ key, value: null, ifVersion: entry.version }]);
        }
        forget(lease);
      }),
    find: (container) => byContainer.get(container),
    owned: () => [...byContainer.keys()],
    usedOn: (network) => byNetwork.get(network)?.size ?? 0,
  };
}

function parse(entry: Entry): Lease {
  const [, network, ip] = /^leases\/(.+)\/([0-9.]+)$/.exec(entry.key) ?? [];
  const parsed = storedLease.safeParse(JSON.parse(entry.value));
  if (!parsed.success || network === undefined || ip === undefined) {
    throw new AppError('internal', `the store holds no valid lease at ${entry.key}`);
  }
  return { ...parsed.data, network, ip };
}

function taken(network: string, ip: string, owner: Lease): AppError {
  return new AppError(
    'conflict',
    `address ${ip} of network ${network} is in use by container ${owner.container.slice(0, 12)}`,
  );
}
