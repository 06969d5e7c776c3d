import type { Endpoint, Network, Remote } from '../base/model.js';

/** A port as found on the bridge. */
export interface PortRecord {
  /** Name of the host's end: `ovs` and eight hex digits. */
  port: string;
  /** From the port's `external_ids`: Docker's id of the endpoint. */
  endpoint: string;
  network: string;
  ip: string;
  /** Lower case, colon-separated. */
  mac: string;
  /** Full id of the container, once that is known. */
  container?: string;
}

/** A change to what is known about endpoints on other hosts. What is both dropped and put stays. */
export interface RemoteChange {
  put: Remote[];
  drop: { network: Network; ip: string }[];
}

/** The other hosts, by their addresses on the underlay, and the endpoints on them. */
export interface RemoteState {
  peers: string[];
  remotes: Remote[];
}

/**
 * The machinery that moves packets. Every call may be repeated without harm, and calls for different endpoints may run
 * at the same time. All of them throw `AppError`: `unavailable` when Open vSwitch does not answer, `internal` when a
 * command failed.
 *
 * An endpoint has a link pair. One end is a port on the bridge; Docker moves the other into the container, where it gives it
 * its name, address and routes.
 */
export interface Datapath {
  /** Which Open vSwitch datapath carries the packets. Undefined before {@link open}. */
  readonly kind: 'kernel' | 'userspace' | undefined;
  /** The largest MTU that the underlay allows containers' links, in bytes; a network may have chosen a smaller one. */
  mtu(): Promise<number>;
  /** Makes sure that the bridge and its fixed rules are there. Cheap when they are. */
  open(): Promise<void>;
  /** Makes sure that the network has its gateway port with its address, NAT, and rules. */
  ensureNetwork(network: Network): Promise<void>;
  removeNetwork(network: Network): Promise<void>;
  /**
   * Makes the endpoint's link pair, port and rules. Makes nothing when they are there and right; replaces what is wrong.
   *
   * @returns the name of the port; {@link peerName} is the name of the end that Docker moves
   */
  attach(endpoint: Endpoint): Promise<string>;
  /** Removes an endpoint's port, flows and links. It is no error if there are none. */
  detach(endpoint: string): Promise<void>;
  /** Writes on the endpoint's port which container it belongs to, for people who look at Open vSwitch. */
  label(endpoint: string, container: string): Promise<void>;
  /** All endpoints' ports on the bridge, whoever made them. */
  ports(): Promise<PortRecord[]>;
  /**
   * Makes a tunnel to another host, and rules for the endpoints known to be there. Throws `AppError('unavailable')`
   * where this host cannot have tunnels: see {@link problem}. One that Open vSwitch cannot make is among {@link tunnelFaults}.
   */
  ensurePeer(address: string): Promise<void>;
  /** From then on nothing gets in from that host, nor out to it. Its endpoints stay known, for when it comes back. */
  removePeer(address: string): Promise<void>;
  /** Endpoints on other hosts have appeared, disappeared or moved. Their hosts need not have a tunnel yet. */
  applyRemotes(change: RemoteChange): Promise<void>;
  /** How many tunnels there are. */
  readonly tunnels: number;
  /** Why there is no tunnel to a host, by its address; only those that Open vSwitch could not make, and which it tries again. */
  readonly tunnelFaults: ReadonlyMap<string, string>;
  /** Why there are no tunnels although there are peers, or not all, or no gateway: one line for people that says what to do. */
  readonly problem: string | undefined;
  /** Why the host's firewall does not let through what it should: one line for people that says what to do. */
  readonly firewallProblem: string | undefined;
  /**
   * Makes bridge, gateway ports, tunnels, NAT and rules exactly those of these networks, of the endpoints that own the ports,
   * and of the other hosts, without interrupting traffic that is already right. `ownerOf` is asked about every endpoint's
   * port on the bridge; a port without an owner is removed. An endpoint in `expected` without a port gets one again if its
   * link is still there, as after the bridge was deleted by hand. No other change to the bridge runs meanwhile. Where this
   * host cannot have tunnels, or Open vSwitch cannot make one or a gateway, everything else is done, and {@link problem} says why.
   *
   * @returns the ids of expected endpoints whose link is gone: only Docker can make them anew
   */
  sync(
    networks: Network[],
    ownerOf: (port: PortRecord) => Endpoint | undefined,
    others: RemoteState,
    expected?: readonly Endpoint[],
  ): Promise<string[]>;
  /**
   * Calls back whenever Open vSwitch has been restarted and lost its rules; the caller should then {@link sync}. What somebody
   * takes out of the host's firewall is put back meanwhile, and tunnels that could not be made are tried again.
   */
  watch(onRestart: () => void, signal: AbortSignal): void;
}
