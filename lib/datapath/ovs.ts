import { setTimeout as sleep } from 'node:timers/promises';
import { createBatcher } from '../concurrency/batcher.js';
import { createGate } from '../concurrency/gate.js';
import { AppError } from '../errors.js';
import type { Run } from '../exec.js';
import type { Log } from '../log.js';
import type { Endpoint, Network } from '../types.js';
import type { Datapath, PortRecord } from './datapath.js';
import {
  baseFlows,
  endpointFlows,
  endpointMatch,
  floodFlow,
  gatewayFlows,
  gatewayMac,
  networkMatch,
  type Attached,
} from './flows.js';
import { createLinks } from './links.js';
import { gatewayName, portNames } from './names.js';
import { applyNat } from './nat.js';
import { createOpenFlow } from './openflow.js';
import { createOvsdb, down } from './ovsdb.js';

/** Keys of `external_ids`, by which ports are recognised after any restart. */
const CONTAINER = 'socketplane-container';
const NETWORK = 'socketplane-network';
const ADDRESS = 'socketplane-ip';
const GATEWAY = 'socketplane-gateway';

/** OpenFlow port numbers are chosen here, so that rules need not wait for the port; lower ones are left to people. */
const FIRST_OFPORT = 100;
const LAST_OFPORT = 0xfeff;
/** How often a bridge that has gone is looked for. */
const RECONNECT_MS = 200;

interface Port extends Attached<Endpoint> {
  name: string;
}

export interface OvsOptions {
  run: Run;
  log: Log;
  bridge: string;
  kind: 'auto' | 'kernel' | 'userspace';
  /** Where Open vSwitch has its sockets. */
  runFolder?: string;
}

/**
 * The Open vSwitch data plane. Invariants: `ports` and `gateways` are what the rules on the bridge were made from; both
 * change only inside the gate, where `sync` is alone.
 */
export function createOvsDatapath({
  run,
  log,
  bridge,
  kind: wanted,
  runFolder = '/run/openvswitch',
}: OvsOptions): Datapath {
  const ovsdb = createOvsdb(run);
  const openflow = createOpenFlow(run, bridge, runFolder);
  const ports = new Map<string, Port>();
  const gateways = new Map<string, Attached<Network>>();
  const gate = createGate();
  let kind: 'kernel' | 'userspace' = 'userspace';
  let mtu: number | undefined;
  let opened = false;
  const links = createLinks(run, () => kind === 'userspace');
  const transact = createBatcher<string[][]>((transactions) => ovsdb.transact(transactions.flat()));

  const mtuOnce = async () => (mtu ??= await links.mtu());

  function freeOfport(): number {
    const taken = new Set([...ports.values(), ...gateways.values()].map(({ ofport }) => ofport));
    for (let ofport = FIRST_OFPORT; ofport <= LAST_OFPORT; ofport++) if (!taken.has(ofport)) return ofport;
    throw new AppError('exhausted', `bridge ${bridge} has no port number left`);
  }

  function freeName(container: string): string {
    const taken = new Set([...ports.values()].map(({ name }) => name));
    for (const name of portNames(container)) if (!taken.has(name)) return name;
    throw new AppError('exhausted', `no port name is left for container ${container.slice(0, 12)}`);
  }

  function floodOf(network: Network): string {
    const members = [...ports.values()].filter(({ owner }) => owner.network.vni === network.vni);
    const gateway = gateways.get(network.id);
    return floodFlow(
      network,
      [...(gateway ? [gateway] : []), ...members].map(({ ofport }) => ofport),
    );
  }

  async function chooseKind(): Promise<'kernel' | 'userspace'> {
    if (wanted === 'userspace') return wanted;
    const hasKernel = await ovsdb.hasKernelDatapath();
    if (wanted === 'kernel' && !hasKernel) {
      throw new AppError(
        'unavailable',
        'Open vSwitch has no kernel datapath here: load the module openvswitch',
      );
    }
    return hasKernel ? 'kernel' : 'userspace';
  }

  async function open(): Promise<void> {
    const state = await openflow.state();
    if (state === 'dead') throw down(undefined);
    if (state === 'alive' && opened) return;
    const chosen = await chooseKind();
    if (chosen !== kind || mtu === undefined) log.info('using Open vSwitch', { bridge, datapath: chosen });
    kind = chosen;
    const settings = [
      `datapath_type=${kind === 'kernel' ? 'system' : 'netdev'}`,
      'protocols=OpenFlow10,OpenFlow13,OpenFlow14,OpenFlow15',
      // Without rules nothing is switched.
      'fail_mode=secure',
    ];
    await ovsdb.transact([
      ['--may-exist', 'add-br', bridge],
      ['set', 'bridge', bridge, ...settings],
    ]);
    opened = true;
  }

  async function addGateway(network: Network): Promise<void> {
    const known = gateways.get(network.id);
    const gateway = known ?? { owner: network, ofport: freeOfport() };
    gateways.set(network.id, { owner: network, ofport: gateway.ofport });
    const name = gatewayName(network);
    await transact([
      ['--may-exist', 'add-port', bridge, name],
      [
        'set',
        'Interface',
        name,
        'type=internal',
        `ofport_request=${gateway.ofport}`,
        `mtu_request=${await mtuOnce()}`,
        `mac="${gatewayMac(network.vni)}"`,
        `external_ids:${GATEWAY}="${network.id}"`,
      ],
    ]);
    await links.configureGateway(network);
  }

  const applyNatOf = () =>
    applyNat(
      run,
      [...gateways.values()].map(({ owner }) => owner),
    );

  async function removePort(container: string): Promise<void> {
    const port = ports.get(container);
    if (!port) return;
    ports.delete(container);
    const { network, ip } = port.owner;
    await openflow.change(() => [
      `delete ${endpointMatch(network.vni, ip)}`,
      ...(gateways.has(network.id) ? [`add ${floodOf(network)}`] : []),
    ]);
    await transact([['--if-exists', 'del-port', bridge, port.name]]);
    await links.remove(port.name);
  }

  async function readPorts(): Promise<(PortRecord & { ofport: number })[]> {
    return (await ovsdb.interfaces(CONTAINER)).map(({ name, ofport, externalIds }) => ({
      port: name,
      ofport,
      container: externalIds.get(CONTAINER) ?? '',
      network: externalIds.get(NETWORK) ?? '',
      ip: externalIds.get(ADDRESS) ?? '',
    }));
  }

  return {
    get kind() {
      return kind;
    },
    open,

    ensureNetwork: (network) =>
      gate.shared(async () => {
        await open();
        await addGateway(network);
        await openflow.change(() => {
          const gateway = gateways.get(network.id);
          return gateway ? [...gatewayFlows(gateway), floodOf(network)].map((flow) => `add ${flow}`) : [];
        });
        await applyNatOf();
      }),

    removeNetwork: (network) =>
      gate.shared(async () => {
        if (!gateways.delete(network.id)) return;
        await openflow.change(() => [`delete ${networkMatch(network.vni)}`]);
        await transact([['--if-exists', 'del-port', bridge, gatewayName(network)]]);
        await applyNatOf();
      }),

    prepare: (endpoint) =>
      gate.shared(async () => {
        await open();
        const { container, network, ip } = endpoint;
        await removePort(container);
        const port: Port = { owner: endpoint, name: freeName(container), ofport: freeOfport() };
        ports.set(container, port);
        await links.create(port.name, endpoint, await mtuOnce());
        await Promise.all([
          transact([
            ['--if-exists', 'del-port', bridge, port.name],
            ['add-port', bridge, port.name],
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
          openflow.change(() => [...endpointFlows(port), floodOf(network)].map((flow) => `add ${flow}`)),
        ]);
        return port.name;
      }),

    plug: (endpoint, netns) =>
      gate.shared(async () => {
        const port = ports.get(endpoint.container);
        if (!port) throw new AppError('internal', `container ${endpoint.container.slice(0, 12)} has no port`);
        await links.configure(port.name, endpoint, await mtuOnce(), netns);
      }),

    isPlugged: (endpoint, netns) => links.isConfigured(endpoint, netns),

    unplug: (container) => gate.shared(() => removePort(container)),

    ports: readPorts,

    sync: (networks, ownerOf) =>
      gate.exclusive(async () => {
        opened = false;
        await open();
        ports.clear();
        gateways.clear();
        const orphans: string[] = [];
        for (const record of await readPorts()) {
          const owner = ownerOf(record);
          if (owner && record.ofport > 0)
            ports.set(owner.container, { owner, name: record.port, ofport: record.ofport });
          else orphans.push(record.port);
        }
        const known = new Map(networks.map((network) => [network.id, network]));
        for (const { name, ofport, externalIds } of await ovsdb.interfaces(GATEWAY)) {
          const network = known.get(externalIds.get(GATEWAY) ?? '');
          if (network && gatewayName(network) === name && ofport > 0)
            gateways.set(network.id, { owner: network, ofport });
          else orphans.push(name);
        }
        for (const name of orphans) {
          await transact([['--if-exists', 'del-port', bridge, name]]);
          await links.remove(name);
        }
        await Promise.all(networks.map(addGateway));
        await openflow.replace([
          ...baseFlows(),
          ...[...gateways.values()].flatMap(gatewayFlows),
          ...networks.map(floodOf),
          ...[...ports.values()].flatMap(endpointFlows),
        ]);
        await applyNatOf();
      }),

    watch(onRestart, signal) {
      void (async () => {
        // Until the bridge is there for the first time there is nothing to lose.
        let seen = false;
        while (!signal.aborted) {
          if (opened && (await openflow.state()) === 'alive') {
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
