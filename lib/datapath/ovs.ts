import type { Log } from '../base/log.js';
import { messageOf } from '../base/errors.js';
import { createBackoff } from '../concurrency/backoff.js';
import { createReadWriteLock } from '../concurrency/read-write-lock.js';
import type { Run } from '../os/exec.js';
import { DEFAULT_VXLAN_PORT } from '../base/ports.js';
import { allDone } from './all-done.js';
import { createBridgeModel } from './bridge-model.js';
import type { Underlay } from '../base/model.js';
import type { Datapath } from './datapath.js';
import { createFirewalld } from './firewalld/firewalld.js';
import { createGateways } from './gateways.js';
import type { IpBatch } from './kernel/ip-batch.js';
import { createLinks } from './kernel/links.js';
import { createUnderlayReader } from './kernel/underlay.js';
import { createPortFaults } from './port-faults.js';
import { createPorts } from './ports.js';
import { createTunnels } from './tunnels.js';
import { createBridge, type DatapathKind } from './vswitch/bridge.js';
import { endpointPorts } from './vswitch/external-ids.js';
import { createOpenFlow } from './vswitch/openflow.js';
import { createOvsdb, PortError, type Interface } from './vswitch/ovsdb.js';
import { watchFirewall } from './watch-firewall.js';
import { watchRestarts } from './vswitch/watch-restarts.js';

/** When ports of tunnels and gateways that Open vSwitch could not make are tried again. */
const PORTS_AGAIN_MS = { first: 1_000, most: 15_000 };

export interface OvsOptions {
  run: Run;
  /** Runs commands of `ip` that change something. Default: by `run`. */
  ip?: IpBatch;
  log: Log;
  bridge: string;
  kind: 'auto' | DatapathKind;
  /** What this host is bound to; asked again by each `sync`. Default: the default route's device. */
  underlay?: () => Underlay | undefined;
  /** UDP port of tunnels; asked again by each `sync`. Default: 6680. */
  vxlanPort?: () => number;
  /** Reads the kernel's table of routes; by default the one of this process, `/proc/net/route`. */
  readRoutes?: () => Promise<string>;
  /** Where Open vSwitch has its sockets. */
  runFolder?: string;
  /** Socket of D-Bus's system bus. */
  systemBus?: string;
}

/**
 * The Open vSwitch data plane. Invariant: `model` is what the rules on the bridge were made from; it changes only
 * inside the lock, where `sync` is alone.
 */
export function createOvsDatapath(options: OvsOptions): Datapath {
  const { run, log, bridge: name, kind, runFolder = '/run/openvswitch' } = options;
  const model = createBridgeModel();
  const lock = createReadWriteLock();
  const ovsdb = createOvsdb(run, runFolder);
  const openflow = createOpenFlow(run, name, runFolder);
  const bridge = createBridge({ ovsdb, openflow, name, kind, log });
  const links = createLinks(run, () => bridge.kind !== 'kernel', options.ip);
  const underlay = createUnderlayReader(run, () => options.underlay?.(), options.readRoutes);
  const mtu = async () => (await underlay.read()).mtu;
  const vxlanPort = options.vxlanPort ?? (() => DEFAULT_VXLAN_PORT);
  const faults = createPortFaults(log);
  const parts = {
    ...{ model, ovsdb, openflow, links, run, log, bridge: name, mtu, vxlanPort, faults },
    underlay: underlay.read,
  };
  const ports = createPorts({ ...parts, open: () => bridge.open() });
  const firewalld = createFirewalld(log, options.systemBus);
  const gateways = createGateways({ ...parts, firewalld });
  const tunnels = createTunnels({ ...parts, isKernel: () => bridge.kind === 'kernel' });

  async function removeLinks(names: readonly string[]): Promise<void> {
    for (const device of names) await links.remove(device);
  }

  return {
    get kind() {
      return bridge.kind;
    },
    get tunnels() {
      return model.tunnels.size;
    },
    get problem() {
      return gateways.problem ?? tunnels.problem;
    },
    get tunnelFaults() {
      return tunnels.faults;
    },
    get firewallProblem() {
      return firewalld.problem;
    },
    mtu,
    open: () => bridge.open(),

    ensureNetwork: (network) =>
      lock.shared(async () => {
        await bridge.open();
        await gateways.ensure(network);
      }),
    removeNetwork: (network) => lock.shared(() => gateways.remove(network)),

    attach: (endpoint) => lock.shared(() => ports.attach(endpoint)),
    detach: (endpoint) => lock.shared(() => ports.detach(endpoint)),
    label: (endpoint, container) => lock.shared(() => ports.label(endpoint, container)),
    ports: async () => endpointPorts(await ovsdb.interfaces()).map(({ record }) => record),

    ensurePeer: (address) =>
      lock.shared(async () => {
        await bridge.open();
        await tunnels.ensure(address);
        await gateways.translate();
      }),
    removePeer: (address) =>
      lock.shared(async () => {
        await tunnels.remove(address);
        await gateways.translate();
      }),
    applyRemotes: (change) => lock.shared(() => tunnels.apply(change)),

    sync: (networks, ownerOf, { peers, remotes }, expected = []) =>
      lock.exclusive(async () => {
        await bridge.open(true);
        underlay.forget();
        const [found, devices] = await Promise.all([ovsdb.interfaces(), links.list()]);
        model.clear();
        for (const remote of remotes) model.remotes.put(remote);
        const { orphans, broken } = ports.adopt(found, devices, ownerOf);
        const strangers = [...orphans, ...gateways.adopt(found, networks)];
        const unwanted = [...strangers, ...broken];
        if (unwanted.length > 0) {
          await ovsdb.transact(unwanted.map((port) => ({ do: 'removePort', bridge: name, port })));
        }
        await removeLinks(strangers);
        const left = strayLinks(devices, found, orphans);
        let missing: string[] = [];
        await allDone([
          ports.recover(expected, left).then((ids) => (missing = ids)),
          ...networks.map((network) => gateways.addPort(network).catch(unlessPortError)),
          tunnels.adopt(found, peers),
        ]);
        await openflow.replace(model.flows());
        await gateways.translate();
        const used = new Set([...model.ports.values()].map((port) => port.name));
        await removeLinks([...left].filter((link) => !used.has(link)));
        return missing;
      }),

    watch(onRestart, signal) {
      const retry = async () => {
        await lock
          .exclusive(() => allDone([tunnels.retry(), gateways.retry()]))
          .catch((error: unknown) => log.debug('ports not made again', { error: messageOf(error) }));
        lookAtFaults();
      };
      const again = createBackoff(() => void retry(), { ...PORTS_AGAIN_MS, signal });
      const wanted = () => [...tunnels.wanted(), ...gateways.wanted()];
      const isFaulty = () => wanted().some(({ port }) => faults.of(port) !== undefined);
      const lookAtFaults = () => (isFaulty() ? again.failed() : again.succeeded());
      const look = (found: Interface[]) => {
        faults.see(tunnels.wanted(), found);
        // A gateway needs more than its port: one that has come back by itself still has to be made anew.
        faults.see(
          gateways.wanted(),
          found.filter(({ error }) => error !== undefined),
        );
        lookAtFaults();
      };
      void ovsdb.watch(look, signal);
      void watchRestarts(bridge, openflow, onRestart, signal);
      const putBack = () => lock.shared(() => gateways.translate());
      // What cannot be put back at once, the watch puts back, and says why it cannot.
      void firewalld.watch(() => void putBack().catch(() => undefined), signal);
      void watchFirewall({ isIntact: gateways.isTranslating, putBack, log }, signal);
    },
  };
}

/** Swallows that Open vSwitch cannot make a port: it has been logged, and is tried again. */
function unlessPortError(error: unknown): void {
  if (!(error instanceof PortError)) throw error;
}

/** Links that are neither orphans nor ports of somebody else's: on the bridge only as ports of endpoints, if at all. */
function strayLinks(
  devices: ReadonlySet<string>,
  found: Interface[],
  orphans: readonly string[],
): Set<string> {
  const ours = new Set(endpointPorts(found).map(({ record }) => record.port));
  const others = found.map((one) => one.name).filter((one) => !ours.has(one));
  const excluded = new Set([...orphans, ...others]);
  return new Set([...devices].filter((device) => !excluded.has(device)));
}
