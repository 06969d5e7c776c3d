import type { Underlay } from '../../base/model.js';

export interface MembershipStatus {
  /** `seeking`: wants to be a member, and tries. `joining`: is one, and waits for the others. */
  state: 'none' | 'seeking' | 'joining' | 'member' | 'leaving';
  hostId: string;
  cluster: string;
  underlay: Underlay | undefined;
  /** Whether this host's Consul is a server. */
  server: boolean;
  /** Why the host is not a member although it is to be one. */
  problem: string | undefined;
}

/**
 * The life of a host in a cluster: none → (seeking →) joining → member → none. Commands come one at a time; each has
 * happened when its promise resolves, and leaves nothing behind when it rejects.
 */
export interface Membership {
  /**
   * Go on as a member after a restart, or begin what the configuration says. Does not wait for that: `connect` is called
   * when it is so.
   */
  start(): Promise<void>;
  status(): MembershipStatus;
  /** Begin a cluster. */
  bootstrap(): Promise<void>;
  /** Join the cluster that the host with this address belongs to; without one, the one that multicast DNS finds. */
  join(address?: string): Promise<void>;
  /** Use this device for the cluster. A host that belongs to none looks for one there from now on. */
  bind(device: string): Promise<void>;
  leave(): Promise<void>;
  /** The host goes down, or the agent only: Consul ends, and all is as before with the next start. */
  stop(): Promise<void>;
}
