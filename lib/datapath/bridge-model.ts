import { AppError } from '../base/errors.js';
import type { Endpoint, Network } from '../base/model.js';
import { shortId } from '../base/short-id.js';
import { baseFlows, endpointFlows, floodFlows, gatewayFlows, type OnPort } from './flows/endpoint-flows.js';
import { portNames } from './device-names.js';
import { createRemotes, type Remotes } from './remotes.js';
import { remoteFlows, tunnelFlows } from './flows/tunnel-flows.js';

/**
 * OpenFlow port numbers are chosen here, so that rules need not wait for their ports; lower numbers are left for ports that
 * people add by hand. Tunnels have a range of their own, so that a rule shows where it leads.
 */
const LOCAL_PORTS = [100, 0xefff] as const;
const TUNNEL_PORTS = [0xf000, 0xfeff] as const;

export interface Port extends OnPort<Endpoint> {
  name: string;
}

/** What the rules on a bridge are made from. Pure state: nothing here talks to Open vSwitch. */
export interface BridgeModel {
  /** By endpoint. */
  ports: Map<string, Port>;
  /**
   * By VNI, because a network may be removed and another created under the same name before every part of this host knows.
   */
  gateways: Map<number, OnPort<Network>>;
  /** OpenFlow port numbers, by peer. */
  tunnels: Map<string, number>;
  /**
   * OpenFlow port numbers of ports that are being removed, by name. Nothing else may have the name or the number before
   * Open vSwitch has let go of them.
   */
  leaving: Map<string, number>;
  remotes: Remotes;
  freeOfport(of: 'local' | 'tunnel'): number;
  freeName(endpoint: string): string;
  /** Returns no rules for a network that has no gateway here. */
  flood(network: Network): string[];
  /** Returns no rules unless a tunnel leads there. */
  remote(network: Network, ip: string): string[];
  /** Rules of the endpoints on this host that have an address. */
  local(network: Network, ip: string): string[];
  /** Every rule of the bridge. */
  flows(): string[];
  clear(): void;
}

export function createBridgeModel(): BridgeModel {
  const ports = new Map<string, Port>();
  const gateways = new Map<number, OnPort<Network>>();
  const tunnels = new Map<string, number>();
  const leaving = new Map<string, number>();
  const remotes = createRemotes();

  function firstFree([first, last]: readonly [number, number], taken: Set<number>): number {
    for (let ofport = first; ofport <= last; ofport++) if (!taken.has(ofport)) return ofport;
    throw new AppError('exhausted', 'the bridge has no port number left');
  }

  function flood(network: Network): string[] {
    const gateway = gateways.get(network.vni);
    if (!gateway) return [];
    const members = [...ports.values()].filter(({ owner }) => owner.network.vni === network.vni);
    // Sorted, so that the same ports always make the same rule, in whatever order they were added.
    return floodFlows(network, {
      containers: inOrder(members.map(({ ofport }) => ofport)),
      gateway: [gateway.ofport],
      tunnels: inOrder(remotes.peersOf(network).flatMap((peer) => tunnels.get(peer) ?? [])),
    });
  }

  function remote(network: Network, ip: string): string[] {
    const found = remotes.get(network, ip);
    const tunnel = found && tunnels.get(found.peer);
    return found && tunnel !== undefined ? remoteFlows(found, tunnel) : [];
  }

  const numbersOf = (owners: Iterable<{ ofport: number }>) => [...owners].map(({ ofport }) => ofport);

  return {
    ports,
    gateways,
    tunnels,
    leaving,
    remotes,
    freeOfport: (of) =>
      of === 'tunnel'
        ? firstFree(TUNNEL_PORTS, new Set([...tunnels.values(), ...leaving.values()]))
        : firstFree(
            LOCAL_PORTS,
            new Set([...numbersOf(ports.values()), ...numbersOf(gateways.values()), ...leaving.values()]),
          ),
    freeName(endpoint) {
      const taken = new Set([...ports.values()].map(({ name }) => name));
      for (const name of portNames(endpoint)) if (!taken.has(name) && !leaving.has(name)) return name;
      throw new AppError('exhausted', `no port name is left for endpoint ${shortId(endpoint)}`);
    },
    flood,
    remote,
    local: (network, ip) =>
      [...ports.values()]
        .filter(({ owner }) => owner.network.vni === network.vni && owner.ip === ip)
        .flatMap(endpointFlows),
    flows: () => [
      ...baseFlows(),
      ...[...gateways.values()].flatMap((gateway) => [...gatewayFlows(gateway), ...flood(gateway.owner)]),
      ...[...ports.values()].flatMap(endpointFlows),
      ...[...tunnels].flatMap(([peer, ofport]) => tunnelFlows(peer, ofport)),
      ...remotes.all().flatMap(({ network, ip }) => remote(network, ip)),
    ],
    clear() {
      ports.clear();
      gateways.clear();
      tunnels.clear();
      leaving.clear();
      remotes.clear();
    },
  };
}

const inOrder = (ofports: number[]) => ofports.toSorted((a, b) => a - b);
