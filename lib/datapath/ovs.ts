import { setTimeout as sleep } from 'node:timers/promises';
import { createReadWriteLock } from '../concurrency/read-write-lock.js';
import { AppError } from '../base/errors.js';
import type { Run } from '../os/exec.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import { createBridge, type DatapathKind } from './vswitch/bridge.js';
import { createContents, type Port } from './bridge-model.js';
import type { Datapath, PortRecord, Underlay } from './datapath.js';
import { endpointFlows, gatewayFlows } from './flows/endpoint-flows.js';
import { createLinks } from './kernel/links.js';
import { gatewayName } from './device-names.js';
import { applyNat } from './kernel/nat.js';
import { adding, createOpenFlow } from './vswitch/openflow.js';
import { createOvsdb, type Interface } from './vswitch/ovsdb.js';
import { endpointMatch, gatewayMac, networkMatch } from './flows/tables.js';
import { createTunnels } from './tunnels.js';
import { readUnderlay, type UnderlayState } from './kernel/underlay.js';

/** Keys of `external_ids`, by which ports are recognised after any restart. */
const CONTAINER = 'socketplane-container';
const NETWORK = 'socketplane-network';
const ADDRESS = 'socketplane-ip';
const GATEWAY = 'socketplane-gateway';

/** How often a bridge that has gone is looked for. */
const RECONNECT_MS = 200;

export interface OvsOptions {
  run: Run;
  log: Log;
  bridge: string;
  kind: 'auto' | DatapathKind;
  /** What this host is bound to; asked again by each `sync`. Default: the default route's device. */
  underlay?: () => Underlay | undefined;
  /** Where Open vSwitch has its sockets. */
  runFolder?: string;
}

/**
 * The Open vSwitch data plane. Invariant: `contents` is what the rules on the bridge were made from; it changes only
 * inside the gate, where `sync` is alone.
 */
export function createOvsDatapath({
  run,
  log,
  bridge: name,
  kind,
  underlay: chosen = () => undefined,
  runFolder = '/run/openvswitch',
}: OvsOptions): Datapath {
  const ovsdb = createOvsdb(run);
  const openflow = createOpenFlow(run, name, runFolder);
  const bridge = createBridge({ ovsdb, openflow, name, kind, log });
  const contents = createContents();
  const { ports, gateways } = contents;
  const gate = createReadWriteLock();
  const links = createLinks(run, () => bridge.kind === 'userspace');
  let known: Promise<UnderlayState> | undefined;
  const tunnels = createTunnels({
    contents,
    ovsdb,
    openflow,
    bridge: name,
    isKernel: () => bridge.kind === 'kernel',
    underlay,
    log,
  });

  function underlay(): Promise<UnderlayState> {
    known ??= readUnderlay(run, chosen()).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  async function addGateway(network: Network): Promise<void> {
    const ofport = gateways.get(network.vni)?.ofport ?? contents.freeOfport('local');
    gateways.set(network.vni, { owner: network, ofport });
    const device = gatewayName(network);
    await ovsdb.transact([
      ['--may-exist', 'add-port', name, device],
      [
        'set',
        'Interface',
        device,
        'type=internal',
        `ofport_request=${ofport}`,
        `mtu_request=${(await underlay()).mtu}`,
        `mac="${gatewayMac(network.vni)}"`,
        `external_ids:${GATEWAY}="${network.id}"`,
      ],
    ]);
    await links.configureGateway(network);
  }

  async function translate(): Promise<void> {
    const networks = [...gateways.values()].map(({ owner }) => owner);
    await applyNat(run, networks, await underlay());
  }

  async function removePort(container: string): Promise<void> {
    const port = ports.get(container);
    if (!port) return;
    ports.delete(container);
    const { network, ip } = port.owner;
    await openflow.change(() => [
      `delete ${endpointMatch(network.vni, ip)}`,
      ...adding(contents.flood(network)),
    ]);
    await ovsdb.transact([['--if-exists', 'del-port', name, port.name]]);
    await links.remove(port.name);
  }

  return {
    get kind() {
      return bridge.kind;
    },
    get tunnels() {
      return contents.tunnels.size;
    },
    get tunnelProblem() {
      return tunnels.problem;
    },
    mtu: async () => (await underlay()).mtu,
    open: () => bridge.open(),

    ensureNetwork: (network) =>
      gate.shared(async () => {
        await bridge.open();
        await addGateway(network);
        await openflow.change(() => {
          const gateway = gateways.get(network.vni);
          return gateway ? adding([...gatewayFlows(gateway), ...contents.flood(network)]) : [];
        });
        await translate();
      }),

    removeNetwork: (network) =>
      gate.shared(async () => {
        if (!gateways.delete(network.vni)) return;
        await openflow.change(() => [`delete ${networkMatch(network.vni)}`]);
        await ovsdb.transact([['--if-exists', 'del-port', name, gatewayName(network)]]);
        await translate();
      }),

    prepare: (endpoint) =>
      gate.shared(async () => {
        await bridge.open();
        const { container, network, ip } = endpoint;
        await removePort(container);
        const port: Port = {
          owner: endpoint,
          name: contents.freeName(container),
          ofport: contents.freeOfport('local'),
        };
        ports.set(container, port);
        await links.create(port.name, endpoint, (await underlay()).mtu);
        await Promise.all([
          ovsdb.transact([
            ['--if-exists', 'del-port', name, port.name],
            ['add-port', name, port.name],
            [
              'set',
              'Interface',
              port.name,
              `ofport_request=${port.ofport}`,
              `external_ids:${CONTAINER}=${container}`,
              `external_ids:${NETWORK}="${network.id}"`,
              `external_ids:${ADDRESS}=${ip}`,
            ],
          ]),
          openflow.change(() => adding([...endpointFlows(port), ...contents.flood(network)])),
        ]);
        return port.name;
      }),

    plug: (endpoint, netns) =>
      gate.shared(async () => {
        const port = ports.get(endpoint.container);
        if (!port) throw new AppError('internal', `container ${shortId(endpoint.container)} has no port`);
        await links.configure(port.name, endpoint, (await underlay()).mtu, netns);
      }),

    isPlugged: (endpoint, netns) => links.isConfigured(endpoint, netns),

    unplug: (container) => gate.shared(() => removePort(container)),

    ports: async () => containerPorts(await ovsdb.interfaces()),

    ensurePeer: (address) =>
      gate.shared(async () => {
        await bridge.open();
        await tunnels.ensure(address);
      }),
    removePeer: (address) => gate.shared(() => tunnels.remove(address)),
    applyRemotes: (change) => gate.shared(() => tunnels.apply(change)),

    sync: (networks, ownerOf, overlay) =>
      gate.exclusive(async () => {
        await bridge.open(true);
        known = undefined;
        const found = await ovsdb.interfaces();
        contents.clear();
        for (const remote of overlay.remotes) contents.remotes.put(remote);
        const orphans: string[] = [];
        for (const record of containerPorts(found)) {
          const owner = ownerOf(record);
          if (owner && record.ofport > 0)
            ports.set(owner.container, { owner, name: record.port, ofport: record.ofport });
          else orphans.push(record.port);
        }
        const byId = new Map(networks.map((network) => [network.id, network]));
        for (const { name: device, ofport, externalIds } of found) {
          const id = externalIds.get(GATEWAY);
          if (id === undefined) continue;
          const network = byId.get(id);
          if (network && gatewayName(network) === device && ofport > 0)
            gateways.set(network.vni, { owner: network, ofport });
          else orphans.push(device);
        }
        for (const orphan of orphans) {
          await ovsdb.transact([['--if-exists', 'del-port', name, orphan]]);
          await links.remove(orphan);
        }
        await Promise.all([...networks.map(addGateway), tunnels.adopt(found, overlay.peers)]);
        await openflow.replace(contents.flows());
        await translate();
      }),

    watch(onRestart, signal) {
      void (async () => {
        // Until the bridge is there for the first time there is nothing to lose.
        let seen = false;
        while (!signal.aborted) {
          if (bridge.opened && (await openflow.state()) === 'alive') {
            if (seen) onRestart();
            seen = true;
            await openflow.closed(signal);
          }
          await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
        }
      })();
    },
  };
}

function containerPorts(interfaces: Interface[]): (PortRecord & { ofport: number })[] {
  return interfaces
    .filter(({ externalIds }) => externalIds.has(CONTAINER))
    .map(({ name, ofport, externalIds }) => ({
      port: name,
      ofport,
      container: externalIds.get(CONTAINER) ?? '',
      network: externalIds.get(NETWORK) ?? '',
      ip: externalIds.get(ADDRESS) ?? '',
    }));
}
