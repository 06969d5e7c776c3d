import { singleFlight } from '../concurrency/single-flight.js';
import type { Datapath, RemoteState } from '../datapath/datapath.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network, Remote } from '../base/model.js';
import type { Lease } from '../ipam/blocks.js';
import { macOf } from '../base/ipv4.js';
import type { LeaseIndex } from '../ipam/lease-index.js';

/** Another host of the cluster. */
export interface Peer {
  /** Host id, as leases name it. */
  id: string;
  /** IPv4 address on the underlay. */
  address: string;
}

export interface OverlayFeedOptions {
  index: LeaseIndex;
  datapath: Pick<Datapath, 'ensurePeer' | 'removePeer' | 'applyRemotes'>;
  /** Id of this host. */
  host: string;
  /** Something could not be applied: the whole state has to be applied later. */
  onFailure: () => void;
  log: Log;
}

/**
 * Tells the data plane about the other hosts and the containers on them: those that are leased elsewhere, run, and are on a
 * host with a known address. The cost of a change depends only on its size, and simultaneous changes go out together.
 */
export interface OverlayFeed {
  /** How many other hosts there are. */
  peers(): number;
  /** Sets the other hosts that exist now. Resolves when the data plane knows them. */
  setPeers(current: readonly Peer[]): Promise<void>;
  /** Sets the networks that exist now. The data plane must already know new ones. */
  setNetworks(current: readonly Network[]): Promise<void>;
  /** From now on, changes are applied; until now they were only collected. */
  activate(): Promise<void>;
  /** From now on, the data plane serves another store. */
  deactivate(): void;
  /** The whole state, for a full sync of the data plane. */
  state(): RemoteState;
}

export function createOverlayFeed({
  index,
  datapath,
  host,
  onFailure,
  log,
}: OverlayFeedOptions): OverlayFeed {
  const networks = new Map<string, Network>();
  /** Addresses by host id. */
  const peers = new Map<string, string>();
  /** What the data plane may not know yet: leases by network and address, peers by address. */
  const dirtyLeases = new Map<string, { network: Network; ip: string }>();
  const dirtyPeers = new Set<string>();

  function remoteOf(lease: Lease | undefined): Remote | undefined {
    if (!lease?.up || lease.host === host) return undefined;
    const [network, peer] = [networks.get(lease.network), peers.get(lease.host)];
    if (!network || peer === undefined) return undefined;
    return { network, ip: lease.ip, mac: lease.mac ?? macOf(lease.ip), peer };
  }

  function touch({ network: id, ip }: Pick<Lease, 'network' | 'ip'>): void {
    const network = networks.get(id);
    // Keyed by VNI: two networks that had the same name, one after the other, have separate rules.
    if (network) dirtyLeases.set(`${network.vni} ${ip}`, { network, ip });
  }

  /** What is at an address of this network now; undefined when another network has its name. */
  function remoteAt({ network, ip }: { network: Network; ip: string }): Remote | undefined {
    return networks.get(network.id)?.vni === network.vni ? remoteOf(index.at(network.id, ip)) : undefined;
  }

  /** Until the data plane has been synced for the first time, changes could only make it wrong. */
  let active = false;

  const apply = singleFlight(async () => {
    if (!active) return;
    const leases = [...dirtyLeases.values()];
    const addresses = [...dirtyPeers];
    dirtyLeases.clear();
    dirtyPeers.clear();
    try {
      const wanted = new Set(peers.values());
      for (const address of addresses) {
        if (wanted.has(address)) await datapath.ensurePeer(address);
        else await datapath.removePeer(address);
      }
      const remotes = leases.map(remoteAt);
      const put = remotes.filter((remote) => remote !== undefined);
      const drop = leases.filter((_, at) => remotes[at] === undefined);
      if (put.length + drop.length > 0) await datapath.applyRemotes({ put, drop });
    } catch (error) {
      log.warn('other hosts cannot all be reached', { error: messageOf(error) });
      onFailure();
    }
  });

  index.subscribe(({ put, drop }) => {
    for (const lease of [...put, ...drop]) touch(lease);
    if (dirtyLeases.size > 0) void apply();
  });

  return {
    peers: () => peers.size,
    async setPeers(current: readonly Peer[]): Promise<void> {
      const next = new Map(current.filter(({ id }) => id !== host).map(({ id, address }) => [id, address]));
      const moved = new Set([...peers.keys(), ...next.keys()].filter((id) => peers.get(id) !== next.get(id)));
      for (const id of moved) {
        for (const address of [peers.get(id), next.get(id)])
          if (address !== undefined) dirtyPeers.add(address);
      }
      peers.clear();
      for (const [id, address] of next) peers.set(id, address);
      if (moved.size === 0) return;
      for (const lease of index.all()) if (moved.has(lease.host)) touch(lease);
      await apply();
    },
    async setNetworks(current: readonly Network[]): Promise<void> {
      const next = new Map(current.map((network) => [network.id, network]));
      const fresh = current.filter(({ id, vni }) => networks.get(id)?.vni !== vni);
      // A removed network's last leases may not be known to be gone yet, and are not looked for later.
      for (const { id, vni } of networks.values())
        if (next.get(id)?.vni !== vni) for (const lease of index.leases(id)) touch(lease);
      networks.clear();
      for (const [id, network] of next) networks.set(id, network);
      for (const { id } of fresh) for (const lease of index.leases(id)) touch(lease);
      if (dirtyLeases.size > 0) await apply();
    },
    async activate(): Promise<void> {
      active = true;
      await apply();
    },
    deactivate(): void {
      active = false;
    },
    state(): RemoteState {
      // The whole state includes all pending changes; if it cannot be applied, another sync follows.
      dirtyLeases.clear();
      dirtyPeers.clear();
      const remotes: Remote[] = [];
      for (const lease of index.all()) {
        const remote = remoteOf(lease);
        if (remote) remotes.push(remote);
      }
      return { peers: [...new Set(peers.values())], remotes };
    },
  };
}
