import type { Endpoint, Network, Remote } from '../base/model.js';

/** A port as found on the bridge. */
export interface PortRecord {
  /** Name of the host's end: `ovs` and eight hex digits. */
  port: string;
  /** From the port's `external_ids`. */
  container: string;
  network: string;
  ip: string;
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
 * An endpoint is attached in two halves, so that the first can run while Docker starts the container: {@link prepare}
 * makes everything on the host (link pair, port, flows); {@link plug} moves the container's end into its namespace as
 * `eth0` and gives it its address.
 */
export interface Datapath {
  /** Which Open vSwitch datapath carries the packets. Known after {@link open}. */
  readonly kind: 'kernel' | 'userspace';
  /** MTU of containers' links, in bytes. */
  mtu(): Promise<number>;
  /** Makes sure that the bridge and its fixed rules are there. Cheap when they are. */
  open(): Promise<void>;
  /** Makes sure that the network has its gateway port with its address, NAT, and rules. */
  ensureNetwork(network: Network): Promise<void>;
  removeNetwork(network: Network): Promise<void>;
  /** The host's half of an attachment. Returns the name of the port. Replaces what an earlier run of the container left. */
  prepare(endpoint: Endpoint): Promise<string>;
  /**
   * The container's half. `netns` is a path that names the namespace for as long as the call takes (see
   * {@link openNetns}). Throws `AppError('notFound')` when the namespace no longer exists.
   */
  plug(endpoint: Endpoint, netns: string): Promise<void>;
  /** Whether the namespace's `eth0` belongs to this endpoint and has its MAC, address, and default route. */
  isPlugged(endpoint: Endpoint, netns: string): Promise<boolean>;
  /** Removes a container's port, flows and links. It is no error if there are none. */
  unplug(container: string): Promise<void>;
  /** All container ports on the bridge, whoever made them. */
  ports(): Promise<PortRecord[]>;
  /**
   * Makes a tunnel to another host, and rules for the endpoints known to be there. Throws `AppError('unavailable')`
   * where this host cannot have tunnels: see {@link tunnelProblem}.
   */
  ensurePeer(address: string): Promise<void>;
  /** From then on nothing gets in from that host, nor out to it. Its endpoints stay known, for when it comes back. */
  removePeer(address: string): Promise<void>;
  /** Endpoints on other hosts have appeared, disappeared or moved. Their hosts need not have a tunnel yet. */
  applyRemotes(change: RemoteChange): Promise<void>;
  /** How many tunnels there are. */
  readonly tunnels: number;
  /** Why there are no tunnels although there are peers: one line for people that says what to do. */
  readonly tunnelProblem: string | undefined;
  /**
   * Makes bridge, gateway ports, tunnels, NAT and rules exactly those of these networks, of the endpoints that own the ports,
   * and of the other hosts, without interrupting traffic that is already right. `ownerOf` is asked about every container port
   * on the bridge; a port without an owner is removed. No other change to the bridge runs meanwhile. Where this host cannot
   * have tunnels, everything else is done, and {@link tunnelProblem} is logged once.
   */
  sync(
    networks: Network[],
    ownerOf: (port: PortRecord) => Endpoint | undefined,
    others: RemoteState,
  ): Promise<void>;
  /** Calls back whenever Open vSwitch has been restarted and lost its rules; the caller should then {@link sync}. */
  watch(onRestart: () => void, signal: AbortSignal): void;
}
