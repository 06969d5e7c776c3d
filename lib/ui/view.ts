import type { Trace } from '../proxy/observe/trace/trace.js';

/** All that the page shows. It is made where the agent is asked, so that the page does nothing but draw. */
export interface View {
  /** Why there is nothing of the agent's; what is shown then is what it said last. */
  agentProblem?: string;
  /** Why calls that go through the proxy are not seen. */
  proxyProblem?: string;
  /** Parts of this host that do not work, with their reasons. */
  problems: string[];
  /** Undefined until the agent has answered once. */
  cluster?: ClusterView;
  networks: NetworkView[];
  containers: ContainerView[];
  /** Calls with hooks, the newest first. */
  calls: Trace[];
}

export interface ClusterView {
  /** Undefined for a host that is alone. */
  name?: string;
  state: string;
  problem?: string;
  hosts: HostView[];
}

export interface HostView {
  id: string;
  name: string;
  address: string;
  self: boolean;
  server: boolean;
  up: boolean;
  /** Whether packets go from here to there. */
  tunnel: boolean;
  containers: number;
}

export interface NetworkView {
  id: string;
  subnet: string;
  gateway: string;
  vni: number;
  total: number;
  used: number;
  /** Addresses given by each host that has given any. */
  hosts: { name: string; used: number }[];
}

export interface ContainerView {
  id: string;
  name: string;
  network: string;
  ip: string;
  host: string;
  /** `up`, `down`; of this host's containers also `starting` and `failed`. */
  state: string;
  reason?: string;
}
