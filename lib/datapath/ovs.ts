import type { Log } from '../base/log.js';
import { createReadWriteLock } from '../concurrency/read-write-lock.js';
import type { Run } from '../os/exec.js';
import { createBridgeModel } from './bridge-model.js';
import type { Underlay } from '../base/model.js';
import type { Datapath } from './datapath.js';
import { createGateways } from './gateways.js';
import { createLinks } from './kernel/links.js';
import { createUnderlayReader } from './kernel/underlay.js';
import { createPorts } from './ports.js';
import { createTunnels } from './tunnels.js';
import { createBridge, type DatapathKind } from './vswitch/bridge.js';
import { containerPorts } from './vswitch/external-ids.js';
import { createOpenFlow } from './vswitch/openflow.js';
import { createOvsdb } from './vswitch/ovsdb.js';
import { watchRestarts } from './vswitch/watch-restarts.js';

export interface OvsOptions {
  run: Run;
  log: Log;
  bridge: string;
  kind: 'auto' | DatapathKind;
  /** What this host is bound to; asked again by each `sync`. Default: the default route's device. */
  underlay?: () => Underlay | undefined;
  /** Reads the kernel's table of routes; by default the one of this process, `/proc/net/route`. */
  readRoutes?: () => Promise<string>;
  /** Where Open vSwitch has its sockets. */
  runFolder?: string;
}

/**
 * The Open vSwitch data plane. Invariant: `model` is what the rules on the bridge were made from; it changes only
 * inside the lock, where `sync` is alone.
 */
export function createOvsDatapath(options: OvsOptions): Datapath {
  const { run, log, bridge: name, kind, runFolder = '/run/openvswitch' } = options;
  const model = createBridgeModel();
  const lock = createReadWriteLock();
  const ovsdb = createOvsdb(run);
  const openflow = createOpenFlow(run, name, runFolder);
  const bridge = createBridge({ ovsdb, openflow, name, kind, log });
  const links = createLinks(run, () => bridge.kind === 'userspace');
  const underlay = createUnderlayReader(run, () => options.underlay?.(), options.readRoutes);
  const mtu = async () => (await underlay.read()).mtu;
  const parts = { model, ovsdb, openflow, links, run, log, bridge: name, underlay: underlay.read, mtu };
  const ports = createPorts(parts);
  const gateways = createGateways(parts);
  const tunnels = createTunnels({ ...parts, isKernel: () => bridge.kind === 'kernel' });

  return {
    get kind() {
      return bridge.kind;
    },
    get tunnels() {
      return model.tunnels.size;
    },
    get tunnelProblem() {
      return tunnels.problem;
    },
    mtu,
    open: () => bridge.open(),

    ensureNetwork: (network) =>
      lock.shared(async () => {
        await bridge.open();
        await gateways.ensure(network);
      }),
    removeNetwork: (network) => lock.shared(() => gateways.remove(network)),

    prepare: (endpoint) =>
      lock.shared(async () => {
        await bridge.open();
        return ports.prepare(endpoint);
      }),
    plug: (endpoint, netns) => lock.shared(() => ports.plug(endpoint, netns)),
    isPlugged: (endpoint, netns) => links.isConfigured(endpoint, netns),
    unplug: (container) => lock.shared(() => ports.remove(container)),
    ports: async () => containerPorts(await ovsdb.interfaces()),

    ensurePeer: (address) =>
      lock.shared(async () => {
        await bridge.open();
        await tunnels.ensure(address);
      }),
    removePeer: (address) => lock.shared(() => tunnels.remove(address)),
    applyRemotes: (change) => lock.shared(() => tunnels.apply(change)),

    sync: (networks, ownerOf, { peers, remotes }) =>
      lock.exclusive(async () => {
        await bridge.open(true);
        underlay.forget();
        const found = await ovsdb.interfaces();
        model.clear();
        for (const remote of remotes) model.remotes.put(remote);
        const orphans = [...ports.adopt(found, ownerOf), ...gateways.adopt(found, networks)];
        for (const orphan of orphans) {
          await ovsdb.transact([['--if-exists', 'del-port', name, orphan]]);
          await links.remove(orphan);
        }
        await Promise.all([...networks.map(gateways.addPort), tunnels.adopt(found, peers)]);
        await openflow.replace(model.flows());
        await gateways.translate();
      }),

    watch: (onRestart, signal) => void watchRestarts(bridge, openflow, onRestart, signal),
  };
}
