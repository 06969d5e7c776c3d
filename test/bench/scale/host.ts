import { join } from 'node:path';
import { silentLog } from '../../../lib/base/log.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createOverlayFeed, type Peer } from '../../../lib/network/overlay-feed.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import type { Store } from '../../../lib/store/store.js';
import { createCountingRelay } from '../../support/counting-relay.js';
import { namesOf } from '../../support/names-of.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';
import type { Place } from './place.js';

const HOSTS = 'hosts/';

/** Does what an agent does, except for Docker and Open vSwitch, with its own connections to Consul and its own watch. */
export type SimulatedHost = Awaited<ReturnType<typeof joinHost>>;

/** Resolves when the host has joined: it knows everything that exists and has a record of its own. */
export async function joinHost({ consul, prefix, folder }: Place, id: string, address: string) {
  const relay = await createCountingRelay(join(folder, `${id}.sock`), consul);
  const client = createConsulClient({ address: relay.path });
  const store = createConsulStore({ client, prefix, log: silentLog });
  const networks = createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] });
  const ipam = createIpam({ store, host: id });
  const names = namesOf(ipam.index);
  const { datapath, remotes, peers } = createFakeDatapath();
  const overlay = createOverlayFeed({
    index: ipam.index,
    datapath,
    host: id,
    onFailure: () => undefined,
    log: silentLog,
  });
  const known = new Set<string>();
  const stopping = new AbortController();
  const quiet = (error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  };

  async function followNetworks(): Promise<void> {
    for await (const current of networks.watch(stopping.signal)) {
      for (const network of current) known.add(network.id);
      await overlay.setNetworks(current);
    }
  }

  await overlay.setPeers((await store.list(HOSTS)).map(peerOf));
  await ipam.load();
  await overlay.setNetworks(await networks.list());
  await datapath.sync([], () => undefined, overlay.state());
  const loops = [followNetworks(), followPeers(store, overlay.setPeers, stopping.signal)];
  loops.push(ipam.follow(stopping.signal));
  await overlay.activate();
  await store.commit([{ key: HOSTS + id, value: JSON.stringify({ name: id, address }) }]);

  return {
    id,
    networks,
    ipam,
    names,
    /** Rules for endpoints elsewhere, by network and address. */
    remotes,
    peers,
    knowsNetwork: (network: string) => known.has(network),
    received: relay.received,
    async leave() {
      stopping.abort();
      await Promise.all(loops.map((loop) => loop.catch(quiet)));
      await store.close();
      await relay.close();
    },
  };
}

async function followPeers(
  store: Store,
  tell: (peers: Peer[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const peers = new Map<string, Peer>();
  for await (const { put, drop } of store.watch(HOSTS, signal)) {
    for (const entry of put) peers.set(entry.key, peerOf(entry));
    for (const { key } of drop) peers.delete(key);
    await tell([...peers.values()]);
  }
}

function peerOf({ key, value }: { key: string; value: string }): Peer {
  return { id: key.slice(HOSTS.length), address: (JSON.parse(value) as { address: string }).address };
}
