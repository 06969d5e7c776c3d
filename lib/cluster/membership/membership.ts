import type { Underlay } from '../../base/model.js';

export interface MembershipStatus {
  /** `seeking`: wants to be a member, and keeps trying. `joining`: is one, and waits for the others. */
  state: 'none' | 'seeking' | 'joining' | 'member' | 'leaving';
  hostId: string;
  cluster: string;
  underlay: Underlay | undefined;
  /** Whether this host's Consul is a server. */
  server: boolean;
  /** Why the host is not a member although it should be one. */
  problem: string | undefined;
}

/**
 * The life of a host in a cluster: none → (seeking →) joining → member → none. Commands run one at a time; each has
 * taken effect when its promise resolves, and leaves nothing behind when it rejects.
 */
export interface Membership {
  /**
   * Goes on as a member after a restart, or begins what the configuration says. Does not wait for that: `connect` is
   * called when the host is a member.
   */
  start(): Promise<void>;
  status(): MembershipStatus;
  /** Begins a cluster, with this UDP port for tunnels rather than the configured one, if it is given. */
  bootstrap(vxlanPort?: number): Promise<void>;
  /** Joins the cluster to which the host with this address belongs; without an address, the one that multicast DNS finds. */
  join(address?: string): Promise<void>;
  /** Uses this device for the cluster. A host that belongs to none looks for one there from now on. */
  bind(device: string): Promise<void>;
  leave(): Promise<void>;
  /** The agent ends: Consul runs on, and with the next start all is as before. */
  stop(): Promise<void>;
}
