import { z } from 'zod';
import { suggestName } from '../base/suggest-name.js';
import { AppError } from '../base/errors.js';
import type { Entry, Store } from '../store/store.js';
import type { Network, NetworkRecord } from '../base/model.js';
import { assertFree, firstFree, type HostRoute } from './choose-subnet.js';
import { blockPrefix, leasesOf, parseBlock } from '../ipam/blocks.js';
import { formatAddress, gatewayOf, overlaps, parseCidr, parseSubnet } from '../base/ipv4.js';

const PREFIX = 'networks/';
/** Written by every create, so that two creates at once cannot both pass the checks. Holds the last VNI given. */
const LAST_VNI = 'last-vni';
const MAX_VNI = 2 ** 24 - 1;
const RETRIES = 20;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
/** Docker gives these names a meaning of its own. */
const RESERVED = new Set(['host', 'none', 'bridge', 'container']);

export const DEFAULT_NETWORK = 'default';

const storedNetwork = z.object({
  id: z.string(),
  subnet: z.string(),
  gateway: z.string(),
  vni: z.number().int().positive().max(MAX_VNI),
  /** Set while {@link Networks.remove} makes sure that no lease is left; no address is given meanwhile. */
  removing: z.boolean().optional(),
});
type StoredNetwork = z.infer<typeof storedNetwork>;

export interface NetworksOptions {
  store: Store;
  /** Foreign routes of this host; no network may overlap one. */
  hostRoutes: () => Promise<HostRoute[]>;
  /** Names of Docker's own networks, which would be ambiguous in `--network`. */
  foreignNames: () => Promise<string[]>;
  /** Told of what the store holds and nobody can understand: one bad key must not end all agents. */
  onInvalid?: (error: unknown) => void;
}

export interface Networks {
  list(): Promise<Network[]>;
  /** Undefined when there is none, or it is being removed. */
  find(id: string): Promise<NetworkRecord | undefined>;
  /** The same as last heard of by {@link Networks.watch}, without asking the store: what is done with it must check the version. */
  recall(id: string): NetworkRecord | undefined;
  /** Throws `AppError('notFound')`. */
  get(id: string): Promise<Network>;
  /**
   * Without `subnet`, the first of a list of private ones that is free. `vni` is used where it is free.
   * Throws `invalid` (name, subnet) and `conflict` (name taken, overlap with a network or a route).
   */
  create(id: string, subnet?: string, vni?: number): Promise<Network>;
  /** Throws `notFound`, `conflict` when containers have addresses on it or it is the default network. */
  remove(id: string): Promise<void>;
  /** The networks that share addresses with this subnet. Throws `invalid`. */
  overlapping(subnet: string): Promise<Network[]>;
  /** Make sure that the default network exists; finish removals that a crash interrupted. */
  recover(): Promise<void>;
  /** The networks now and after each change, until `signal` aborts. */
  watch(signal: AbortSignal): AsyncIterable<Network[]>;
}

export function createNetworks({
  store,
  hostRoutes,
  foreignNames,
  onInvalid = () => undefined,
}: NetworksOptions): Networks {
  function readable(entries: Entry[]): StoredNetwork[] {
    return entries.flatMap((entry) => {
      try {
        return [parse(entry)];
      } catch (error) {
        onInvalid(error);
        return [];
      }
    });
  }

  const visible = (entries: Entry[]) =>
    readable(entries)
      .filter(({ removing }) => !removing)
      .map(toNetwork);

  /** As the watch has told, by key. */
  let heard = new Map<string, Entry>();

  function recordIn(entry: Entry | undefined): NetworkRecord | undefined {
    if (!entry) return undefined;
    const stored = parse(entry);
    return stored.removing ? undefined : { network: toNetwork(stored), version: entry.version };
  }
  const find = async (id: string) => (NAME.test(id) ? recordIn(await store.get(PREFIX + id)) : undefined);

  async function missing(id: string): Promise<AppError> {
    const names = visible(await store.list(PREFIX)).map((network) => network.id);
    const make = NAME.test(id) ? `, \`socketplane network create ${id}\` makes it` : '';
    const advice = suggestName(id, names, `: \`socketplane network list\` shows what there is${make}`);
    return new AppError('notFound', `network ${JSON.stringify(id.slice(0, 80))} not found${advice}`);
  }

  async function create(id: string, subnetText?: string, wish?: number): Promise<Network> {
    assertName(id);
    const wanted = subnetText === undefined ? undefined : parseSubnet(subnetText);
    if ((await foreignNames()).includes(id)) {
      throw new AppError(
        'conflict',
        `network ${JSON.stringify(id)} exists already as one of Docker's own networks`,
      );
    }
    const routes = await hostRoutes();
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      const guard = await store.get(LAST_VNI);
      const entries = await store.list(PREFIX);
      const existing = readable(entries);
      if (entries.some(({ key }) => key === PREFIX + id)) {
        throw new AppError('conflict', `network ${JSON.stringify(id)} exists already`);
      }
      const subnet = wanted ?? firstFree(existing, routes);
      assertFree(subnet, existing, routes);
      const last = Number(guard?.value ?? 0);
      const isFree = wish !== undefined && !existing.some((other) => other.vni === wish);
      const vni = isFree ? wish : nextVni(last, existing);
      const network: Network = { id, subnet: subnet.text, gateway: formatAddress(gatewayOf(subnet)), vni };
      const created = await store.commit([
        { key: LAST_VNI, value: String(isFree ? Math.max(last, vni) : vni), ifVersion: guard?.version ?? 0 },
        { key: PREFIX + id, value: JSON.stringify(network), ifVersion: 0 },
      ]);
      if (created) return network;
    }
    throw new AppError(
      'unavailable',
      `network ${id} could not be created: too many networks are being created at once`,
    );
  }

  async function assertUnused(id: string): Promise<void> {
    const blocks = await store.list(blockPrefix(id));
    const leases = blocks.flatMap((entry) => leasesOf(entry.key, parseBlock(entry)));
    if (leases.length === 0) return;
    const some = leases.slice(0, 3).map(({ ip }) => ip);
    throw new AppError(
      'conflict',
      `network ${id} is in use: ${leases.length} container${leases.length > 1 ? 's have' : ' has'} ` +
        `an address on it (${some.join(', ')}${leases.length > 3 ? ', …' : ''}); remove them first`,
    );
  }

  /**
   * Two steps, because a lease may be written at the same moment: the record is marked first, after which no lease
   * can be committed (leases check its version), and goes only when no lease is there.
   */
  async function finishRemoval(stored: StoredNetwork, version: number): Promise<void> {
    const key = PREFIX + stored.id;
    try {
      await assertUnused(stored.id);
    } catch (error) {
      await store.commit([{ key, value: JSON.stringify(toNetwork(stored)), ifVersion: version }]);
      throw error;
    }
    await store.commit([{ key, value: null, ifVersion: version }]);
  }

  async function mark(id: string): Promise<Entry> {
    const key = PREFIX + id;
    if (!NAME.test(id)) throw await missing(id);
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      const entry = await store.get(key);
      if (!entry) throw await missing(id);
      const stored: StoredNetwork = { ...parse(entry), removing: true };
      await store.commit([{ key, value: JSON.stringify(stored), ifVersion: entry.version }]);
      const marked = await store.get(key);
      if (marked && parse(marked).removing) return marked;
    }
    throw new AppError('unavailable', `network ${id} could not be removed: it keeps changing, try again`);
  }

  return {
    list: async () => visible(await store.list(PREFIX)),
    find,
    recall: (id) => recordIn(heard.get(PREFIX + id)),
    async get(id) {
      const record = await find(id);
      if (!record) throw await missing(id);
      return record.network;
    },
    create,
    async remove(id) {
      if (id === DEFAULT_NETWORK) {
        throw new AppError(
          'conflict',
          'the default network cannot be removed: containers without a choice land on it',
        );
      }
      // To all hosts a marked network is gone at once, which a user's mistake must not cost the containers on it.
      await assertUnused(id);
      const marked = await mark(id);
      await finishRemoval(parse(marked), marked.version);
    },
    async overlapping(text) {
      const subnet = parseSubnet(text);
      return visible(await store.list(PREFIX)).filter((other) => overlaps(subnet, parseCidr(other.subnet)!));
    },
    async recover() {
      for (const entry of await store.list(PREFIX)) {
        const [stored] = readable([entry]);
        // A conflict means that the network is in use and stays.
        if (stored?.removing) await finishRemoval(stored, entry.version).catch(ignoreConflict);
      }
      if (!(await store.get(PREFIX + DEFAULT_NETWORK))) await create(DEFAULT_NETWORK).catch(ignoreConflict);
    },
    async *watch(signal) {
      const entries = (heard = new Map<string, Entry>());
      for await (const { put, drop } of store.watch(PREFIX, signal)) {
        // What cannot be understood changes nothing: containers go on with the network as it was.
        for (const entry of put) if (readable([entry]).length > 0) entries.set(entry.key, entry);
        for (const { key } of drop) entries.delete(key);
        yield visible([...entries.values()]);
      }
    },
  };
}

function parse(entry: Entry): StoredNetwork {
  try {
    return storedNetwork.parse(JSON.parse(entry.value));
  } catch (cause) {
    throw new AppError('internal', `the store holds no valid network at ${entry.key}`, { cause });
  }
}

function toNetwork({ id, subnet, gateway, vni }: StoredNetwork): Network {
  return { id, subnet, gateway, vni };
}

function assertName(id: string): void {
  if (!NAME.test(id) || RESERVED.has(id)) {
    throw new AppError(
      'invalid',
      `${JSON.stringify(id.slice(0, 80))} cannot be the name of a network: ` +
        (RESERVED.has(id)
          ? 'Docker uses it itself'
          : 'use up to 63 letters, digits, ".", "_" and "-", starting with a letter or digit'),
    );
  }
}

/** Counts on from the last one, so that a VNI is not soon given to another network. */
function nextVni(last: number, networks: StoredNetwork[]): number {
  const taken = new Set(networks.map((network) => network.vni));
  for (let step = 1; step <= MAX_VNI; step++) {
    const vni = ((last + step - 1) % MAX_VNI) + 1;
    if (!taken.has(vni)) return vni;
  }
  throw new AppError('exhausted', 'all 16,777,215 network identifiers are taken');
}

function ignoreConflict(error: unknown): void {
  if (!(error instanceof AppError && error.kind === 'conflict')) throw error;
}
