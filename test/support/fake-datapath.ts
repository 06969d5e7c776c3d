import { AppError } from '../../lib/base/errors.js';
import type { Endpoint, Network, Remote } from '../../lib/base/model.js';
import type { Datapath, PortRecord } from '../../lib/datapath/datapath.js';
import { isPortName, portNames } from '../../lib/datapath/device-names.js';

/** Errors that calls throw instead of doing anything, for as long as they are set. */
export interface FakeFailures {
  open?: Error;
  attach?: Error;
  detach?: Error;
  label?: Error;
  sync?: Error;
  ensureNetwork?: Error;
}

/**
 * A bridge in memory: ports, links, networks, and the endpoints that it has rules for. `datapath-contract.ts` compares it
 * with Open vSwitch.
 */
export function createFakeDatapath() {
  /** By endpoint. */
  const ports = new Map<string, PortRecord>();
  /** Host ends of link pairs. A test that deletes one has lost the link, as with the container's namespace. */
  const links = new Set<string>();
  const networks = new Map<string, Network>();
  /** By endpoint. */
  const rules = new Map<string, Endpoint>();
  const peers = new Set<string>();
  const remotes = new Map<string, Remote>();
  const watchers = new Set<() => void>();
  const fail: FakeFailures = {};
  let attached = 0;

  /** Done at once, because nothing else may see an endpoint half removed. */
  function removePort(endpoint: string): void {
    links.delete(ports.get(endpoint)?.port ?? '');
    ports.delete(endpoint);
    rules.delete(endpoint);
  }

  function freeName(endpoint: string): string {
    const taken = new Set([...ports.values()].map(({ port }) => port));
    for (const name of portNames(endpoint)) if (!taken.has(name)) return name;
    throw new AppError('exhausted', `no port name is left for endpoint ${endpoint}`);
  }

  function addPort(endpoint: Endpoint, port: string): void {
    const { id, network, ip, mac } = endpoint;
    ports.set(id, { port, endpoint: id, network: network.id, ip, mac });
    rules.set(id, endpoint);
  }

  /** An endpoint's link that has no port. */
  function strayLink({ id }: Endpoint): string | undefined {
    const taken = new Set([...ports.values()].map(({ port }) => port));
    return [...portNames(id)].find((name) => links.has(name) && !taken.has(name));
  }

  const datapath: Datapath = {
    kind: 'userspace',
    mtu: async () => 1450,
    open: async () => {
      if (fail.open) throw fail.open;
    },
    ensureNetwork: async (network) => {
      if (fail.ensureNetwork) throw fail.ensureNetwork;
      networks.set(network.id, network);
    },
    removeNetwork: async ({ id, vni }) => {
      if (networks.get(id)?.vni === vni) networks.delete(id);
    },
    attach: async (endpoint) => {
      await Promise.resolve();
      if (fail.attach) throw fail.attach;
      const { id, network, ip, mac } = endpoint;
      const before = rules.get(id);
      const port = ports.get(id)?.port;
      if (before?.network.vni === network.vni && before.ip === ip && before.mac === mac && port) return port;
      attached++;
      removePort(id);
      const name = freeName(id);
      links.add(name);
      addPort(endpoint, name);
      return name;
    },
    detach: async (endpoint) => {
      await Promise.resolve();
      if (fail.detach) throw fail.detach;
      removePort(endpoint);
    },
    label: async (endpoint, container) => {
      await Promise.resolve();
      if (fail.label) throw fail.label;
      const port = ports.get(endpoint);
      if (port) ports.set(endpoint, { ...port, container });
    },
    ports: async () => [...ports.values()],
    get tunnels() {
      return peers.size;
    },
    problem: undefined,
    tunnelFaults: new Map<string, string>(),
    firewallProblem: undefined,
    ensurePeer: async (address) => void peers.add(address),
    removePeer: async (address) => void peers.delete(address),
    applyRemotes: async ({ put, drop }) => {
      for (const { network, ip } of drop) remotes.delete(`${network.id} ${ip}`);
      for (const remote of put) remotes.set(`${remote.network.id} ${remote.ip}`, remote);
    },
    sync: async (wanted, ownerOf, overlay, expected = []) => {
      if (fail.sync) throw fail.sync;
      peers.clear();
      remotes.clear();
      for (const peer of overlay.peers) peers.add(peer);
      await datapath.applyRemotes({ put: overlay.remotes, drop: [] });
      networks.clear();
      for (const network of wanted) networks.set(network.id, network);
      rules.clear();
      for (const port of [...ports.values()]) {
        const owner = ownerOf(port);
        if (owner && owns(owner, port) && links.has(port.port)) rules.set(port.endpoint, owner);
        else removePort(port.endpoint);
      }
      const missing: string[] = [];
      for (const endpoint of expected.filter(({ id }) => !ports.has(id))) {
        const link = strayLink(endpoint);
        if (link === undefined) missing.push(endpoint.id);
        else addPort(endpoint, link);
      }
      const used = new Set([...ports.values()].map(({ port }) => port));
      for (const link of links) if (isPortName(link) && !used.has(link)) links.delete(link);
      return missing;
    },
    watch(onRestart, signal) {
      watchers.add(onRestart);
      signal.addEventListener('abort', () => watchers.delete(onRestart));
    },
  };
  return {
    datapath,
    ports,
    links,
    networks,
    rules,
    peers,
    /** By network and address. */
    remotes,
    fail,
    restart: () => watchers.forEach((onRestart) => onRestart()),
    /** Somebody deletes the bridge by hand: links stay. */
    deleteBridge() {
      ports.clear();
      rules.clear();
    },
    /** An endpoint's link is gone, its port is still on the bridge. */
    loseLink(endpoint: string) {
      links.delete(ports.get(endpoint)?.port ?? '');
    },
    /** How often `attach` has made something. */
    attachedCount: () => attached,
  };
}

function owns({ id, network, ip, mac }: Endpoint, port: PortRecord): boolean {
  return port.endpoint === id && port.network === network.id && port.ip === ip && port.mac === mac;
}
