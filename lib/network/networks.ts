import { suggestName } from '../base/suggest-name.js';
import { AppError } from '../base/errors.js';
import { pause } from '../concurrency/pause.js';
import type { Entry, Store } from '../store/store.js';
import type { Network, NetworkRecord } from '../base/model.js';
import { createHeardEntries } from './heard.js';
import { finishRemoval, removeNetwork, type OtherHosts } from './remove-network.js';
import {
  compact,
  MAX_VNI,
  NETWORKS_PREFIX,
  parseNetwork,
  recordIn,
  toNetwork,
  type StoredNetwork,
} from './stored-network.js';
import { assertChoice, gatewayIn, type NetworkChoice } from './network-choice.js';
import { assertFree, firstFree, type HostRoute } from './choose-subnet.js';
import { overlaps, parseCidr, parseSubnet } from '../base/ipv4.js';

export type { NetworkChoice } from './network-choice.js';

/** Written by every create, so that two creates at once cannot both pass the checks. Holds the last VNI that was assigned. */
const LAST_VNI = 'last-vni';
const RETRIES = 20;
/** Milliseconds until a network that the store has lost is put back again, where it did not answer. */
const AGAIN_MS = 500;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/;
/** Docker gives these names a meaning of its own. */
const RESERVED = new Set(['host', 'none', 'bridge', 'container', 'default']);

/** The network of containers without a choice. */
export const DEFAULT_NETWORK = 'socketplane';

/** The id of the network that a user means by a name: `default` is what Docker calls the network of no choice. */
export function networkNamed(name: string): string {
  return name === 'default' ? DEFAULT_NETWORK : name;
}

export interface NetworksOptions {
  store: Store;
  /** Foreign routes of this host; no network may overlap one. */
  hostRoutes: () => Promise<HostRoute[]>;
  /** Names of Docker's own networks, which would be ambiguous in `--network`. */
  foreignNames: () => Promise<string[]>;
  otherHosts?: OtherHosts;
  /** Told when the store was restored from a back-up, and its networks have been put back. */
  onSetBack?: () => void;
  /** Told of a network that was not in the back-up, and that the cluster can have no more. */
  onLost?: (id: string, why: unknown) => void;
  /** Told of entries in the store that cannot be understood: one bad key must not bring down every agent. */
  onInvalid?: (error: unknown) => void;
}

export interface Networks {
  list(): Promise<Network[]>;
  /** Undefined when there is no such network, or it is being removed. */
  find(id: string): Promise<NetworkRecord | undefined>;
  /**
   * The same as last heard by {@link Networks.watch} or done here, without asking the store: whatever relies on it must check the
   * version.
   */
  recall(id: string): NetworkRecord | undefined;
  /** All of them, in the same way: available even while the store does not answer. */
  heard(): readonly Network[];
  /** Throws `AppError('notFound')`. */
  get(id: string): Promise<Network>;
  /**
   * Throws `invalid` (name, subnet, gateway, settings) and `conflict` (name taken, overlap with a network or a route).
   *
   * @param id name of up to 63 letters, digits, `.`, `_` and `-`; Docker's own rule is wider
   */
  create(id: string, choice?: NetworkChoice): Promise<Network>;
  /**
   * Puts back a network that was removed a moment ago, with its VNI if that is still free. One of its name that is there
   * again with its subnet and gateway is as good. Throws `conflict` when its name or its subnet has been taken meanwhile, and
   * `invalid` for what cannot have been a network.
   */
  restore(network: Network): Promise<Network>;
  /**
   * Removes a network with all its leases that are not up. Throws `notFound`, or `conflict` when endpoints are active on it or
   * it is the default network.
   */
  remove(id: string): Promise<void>;
  /**
   * The first private subnet that shares addresses with no network, no foreign route of this host and none of these. Nothing
   * is reserved. Throws `exhausted`.
   *
   * @param avoid CIDRs; what is no IPv4 CIDR is in nobody's way
   */
  freeSubnet(avoid: readonly string[]): Promise<string>;
  /** The networks that share addresses with this subnet. Throws `invalid`. */
  overlapping(subnet: string): Promise<Network[]>;
  /** Makes sure that the default network exists, finishes removals that a crash interrupted, and reads all. */
  recover(): Promise<void>;
  /** The networks now and after each change that the store tells, until `signal` aborts: see {@link Networks.heard}. */
  watch(signal: AbortSignal): AsyncIterable<readonly Network[]>;
}

export function createNetworks({
  store,
  hostRoutes,
  foreignNames,
  otherHosts,
  onSetBack = () => undefined,
  onLost = () => undefined,
  onInvalid = () => undefined,
}: NetworksOptions): Networks {
  function readable(entries: readonly Entry[]): StoredNetwork[] {
    return entries.flatMap((entry) => {
      try {
        return [parseNetwork(entry)];
      } catch (error) {
        onInvalid(error);
        return [];
      }
    });
  }

  const visible = (entries: readonly Entry[]) =>
    readable(entries)
      .filter(({ removing }) => !removing)
      .map(toNetwork);

  // An entry that cannot be understood changes nothing: containers go on with the network as it was.
  const heard = createHeardEntries((entry) => readable([entry]).length > 0);

  let known: { entries: readonly Entry[]; networks: readonly Network[] } = { entries: [], networks: [] };
  function heardNetworks(): readonly Network[] {
    const entries = heard.all();
    if (known.entries !== entries) known = { entries, networks: visible(entries) };
    return known.networks;
  }

  const find = async (id: string) =>
    NAME.test(id) ? recordIn(await store.get(NETWORKS_PREFIX + id)) : undefined;

  async function missing(id: string): Promise<AppError> {
    const names = visible(await store.list(NETWORKS_PREFIX)).map((network) => network.id);
    const make = NAME.test(id) ? `, \`socketplane network create ${id}\` makes it` : '';
    const advice = suggestName(id, names, `: \`socketplane network list\` shows what there is${make}`);
    return new AppError('notFound', `network ${JSON.stringify(id.slice(0, 80))} not found${advice}`);
  }

  async function create(id: string, choice: NetworkChoice = {}): Promise<Network> {
    assertName(id);
    assertChoice(choice);
    if ((await foreignNames()).includes(id)) {
      throw new AppError(
        'conflict',
        `network with name ${id} already exists: it is one of Docker's own networks on this host`,
      );
    }
    return write(id, choice, await hostRoutes());
  }

  /** @param routes which the subnet may not overlap */
  async function write(id: string, choice: NetworkChoice, routes: HostRoute[]): Promise<Network> {
    const wanted = choice.subnet === undefined ? undefined : parseSubnet(choice.subnet);
    const settings = compact(choice.settings);
    for (let attempt = 0; attempt < RETRIES; attempt++) {
      const guard = await store.get(LAST_VNI);
      const entries = await store.list(NETWORKS_PREFIX);
      const existing = readable(entries);
      if (entries.some(({ key }) => key === NETWORKS_PREFIX + id)) {
        throw new AppError('conflict', `network ${JSON.stringify(id)} exists already`);
      }
      const subnet = wanted ?? firstFree(existing, routes);
      assertFree(subnet, existing, routes);
      const last = Number(guard?.value ?? 0);
      const isFree = isVni(choice.vni) && !existing.some((other) => other.vni === choice.vni);
      const vni = isFree ? choice.vni! : nextVni(last, existing);
      const gateway = gatewayIn(subnet, choice.gateway);
      const network: Network = { id, subnet: subnet.text, gateway, vni, ...(settings && { settings }) };
      const [key, value] = [NETWORKS_PREFIX + id, JSON.stringify(network)];
      const version = await store.commit([
        { key: LAST_VNI, value: String(isFree ? Math.max(last, vni) : vni), ifVersion: guard?.version ?? 0 },
        { key, value, ifVersion: 0 },
      ]);
      if (!version) continue;
      heard.did(key, version, { key, value, version });
      return network;
    }
    throw new AppError(
      'unavailable',
      `network ${id} could not be created: too many networks are being created at once`,
    );
  }

  async function restore({ id, ...choice }: Network): Promise<Network> {
    assertName(id);
    assertChoice(choice);
    try {
      // What it was made with is not examined anew: its own device may still have its route, and Docker its name.
      return await write(id, choice, []);
    } catch (error) {
      ignoreConflict(error);
      const there = (await find(id))?.network;
      if (there?.subnet === choice.subnet && there.gateway === choice.gateway) return there;
      throw error;
    }
  }

  /** A network that is younger than the back-up: containers of this host or another may be on it. */
  async function putBack(entry: Entry, signal: AbortSignal): Promise<void> {
    const [network] = visible([entry]);
    while (network) {
      try {
        await restore(network);
        return;
      } catch (error) {
        if (isUnavailable(error)) {
          await pause(AGAIN_MS, signal);
          if (signal.aborted) return;
          continue;
        }
        onLost(network.id, error);
        break;
      }
    }
    heard.did(entry.key, 0);
  }

  return {
    list: async () => visible(await store.list(NETWORKS_PREFIX)),
    find,
    recall: (id) => recordIn(heard.get(NETWORKS_PREFIX + id)),
    heard: heardNetworks,
    async get(id) {
      const record = await find(id);
      if (!record) throw await missing(id);
      return record.network;
    },
    create,
    restore,
    async freeSubnet(avoid) {
      const existing = readable(await store.list(NETWORKS_PREFIX));
      const avoided = avoid.filter((text) => parseCidr(text)).map((subnet) => ({ id: '', subnet }));
      return firstFree([...existing, ...avoided], await hostRoutes()).text;
    },
    async remove(id) {
      if (id === DEFAULT_NETWORK) {
        throw new AppError(
          'conflict',
          'the default network cannot be removed: containers without a choice land on it',
        );
      }
      if (!NAME.test(id)) throw await missing(id);
      const key = NETWORKS_PREFIX + id;
      heard.did(key, await removeNetwork(store, id, missing, otherHosts));
    },
    async overlapping(text) {
      const subnet = parseSubnet(text);
      return visible(await store.list(NETWORKS_PREFIX)).filter((other) =>
        overlaps(subnet, parseCidr(other.subnet)!),
      );
    },
    async recover() {
      for (const entry of await store.list(NETWORKS_PREFIX)) {
        const [stored] = readable([entry]);
        // A conflict means that the network is in use and stays.
        if (stored?.removing) await finishRemoval(store, entry).catch(ignoreConflict);
      }
      if (!(await store.get(NETWORKS_PREFIX + DEFAULT_NETWORK)))
        await create(DEFAULT_NETWORK).catch(ignoreConflict);
      const reset = heard.begin();
      reset(await store.list(NETWORKS_PREFIX));
    },
    async *watch(signal) {
      const reset = heard.begin();
      let isFirst = true;
      for await (const change of store.watch(NETWORKS_PREFIX, signal)) {
        if (isFirst) reset(change.put);
        isFirst = false;
        const lost = heard.take(change);
        if (change.wasSetBack) for (const entry of lost) await putBack(entry, signal);
        if (change.wasSetBack) onSetBack();
        yield heardNetworks();
      }
    },
  };
}

function assertName(id: string): void {
  if (!NAME.test(id) || RESERVED.has(id)) {
    throw new AppError(
      'invalid',
      `${JSON.stringify(id.slice(0, 80))} cannot be the name of a network: ` +
        (RESERVED.has(id)
          ? 'Docker uses it itself'
          : 'use up to 63 letters, digits, ".", "_" and "-", starting with a letter or digit ' +
            '(narrower than for networks of other drivers)'),
    );
  }
}

const isVni = (vni = 0) => vni > 0 && vni <= MAX_VNI;

/** Counts on from the last one, so that a VNI is not soon reused for another network. */
function nextVni(last: number, networks: StoredNetwork[]): number {
  const taken = new Set(networks.map((network) => network.vni));
  for (let step = 1; step <= MAX_VNI; step++) {
    const vni = ((last + step - 1) % MAX_VNI) + 1;
    if (!taken.has(vni)) return vni;
  }
  throw new AppError('exhausted', 'all 16,777,215 network identifiers are taken');
}

const isUnavailable = (error: unknown) => error instanceof AppError && error.kind === 'unavailable';

function ignoreConflict(error: unknown): void {
  if (!(error instanceof AppError && error.kind === 'conflict')) throw error;
}
