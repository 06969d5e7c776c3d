import { AppError } from '../../lib/base/errors.js';
import type { Datapath, PortRecord } from '../../lib/datapath/datapath.js';
import { portNames } from '../../lib/datapath/device-names.js';
import type { Endpoint, Network, Remote } from '../../lib/base/model.js';

/** A namespace that no longer exists; any other path names one that does. */
export const GONE_NETNS = '/netns/gone';

/**
 * A bridge in memory: ports, what is plugged into which namespace, networks, and the endpoints that it has rules for.
 * `datapath-contract.ts` compares it with Open vSwitch.
 */
export function createFakeDatapath() {
  const ports = new Map<string, PortRecord>();
  const plugged = new Map<string, Endpoint>();
  const networks = new Map<string, Network>();
  const rules = new Map<string, Endpoint>();
  const peers = new Set<string>();
  const remotes = new Map<string, Remote>();
  const watchers = new Set<() => void>();
  const fail: { prepare?: Error; plug?: Error; open?: Error } = {};
  let prepared = 0;

  /** Done at once, because nothing else may see a container half removed. */
  function removePort(container: string): void {
    ports.delete(container);
    rules.delete(container);
    for (const [netns, endpoint] of plugged) if (endpoint.container === container) plugged.delete(netns);
  }

  function freeName(container: string): string {
    const taken = new Set([...ports.values()].map(({ port }) => port));
    for (const name of portNames(container)) if (!taken.has(name)) return name;
    throw new AppError('exhausted', `no port name is left for container ${container}`);
  }

  const datapath: Datapath = {
    kind: 'userspace',
    mtu: async () => 1450,
    open: async () => {
      if (fail.open) throw fail.open;
    },
    ensureNetwork: async (network) => void networks.set(network.id, network),
    removeNetwork: async ({ id, vni }) => {
      if (networks.get(id)?.vni === vni) networks.delete(id);
    },
    prepare: async (endpoint) => {
      await Promise.resolve();
      if (fail.prepare) throw fail.prepare;
      prepared++;
      const { container, network, ip } = endpoint;
      removePort(container);
      const port = freeName(container);
      ports.set(container, { port, container, network: network.id, ip });
      rules.set(container, endpoint);
      return port;
    },
    plug: async (endpoint, netns) => {
      await Promise.resolve();
      if (fail.plug) throw fail.plug;
      if (!ports.has(endpoint.container)) throw new AppError('internal', 'plugged without port');
      if (netns === GONE_NETNS) throw new AppError('notFound', 'the namespace has gone');
      plugged.set(netns, endpoint);
    },
    isPlugged: async ({ ip, mac, network }, netns) => {
      const found = plugged.get(netns);
      return found?.ip === ip && found.mac === mac && found.network.gateway === network.gateway;
    },
    unplug: async (container) => removePort(container),
    ports: async () => [...ports.values()],
    get tunnels() {
      return peers.size;
    },
    tunnelProblem: undefined,
    ensurePeer: async (address) => void peers.add(address),
    removePeer: async (address) => void peers.delete(address),
    applyRemotes: async ({ put, drop }) => {
      for (const { network, ip } of drop) remotes.delete(`${network.id} ${ip}`);
      for (const remote of put) remotes.set(`${remote.network.id} ${remote.ip}`, remote);
    },
    sync: async (wanted, ownerOf, overlay) => {
      peers.clear();
      remotes.clear();
      for (const peer of overlay.peers) peers.add(peer);
      await datapath.applyRemotes({ put: overlay.remotes, drop: [] });
      networks.clear();
      for (const network of wanted) networks.set(network.id, network);
      rules.clear();
      for (const port of [...ports.values()]) {
        const owner = ownerOf(port);
        if (owner) rules.set(port.container, owner);
        else removePort(port.container);
      }
    },
    watch(onRestart, signal) {
      watchers.add(onRestart);
      signal.addEventListener('abort', () => watchers.delete(onRestart));
    },
  };
  return {
    datapath,
    ports,
    plugged,
    networks,
    rules,
    peers,
    /** By network and address. */
    remotes,
    fail,
    restart: () => watchers.forEach((onRestart) => onRestart()),
    preparedCount: () => prepared,
  };
}
