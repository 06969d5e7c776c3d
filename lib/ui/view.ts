import type { Trace } from '../proxy/observe/trace/trace.js';

/** Everything that the page shows. The command computes it, so that the page only has to draw it. */
export interface View {
  /** Why the agent cannot be asked; its last answer is then shown. */
  agentProblem?: string;
  /** Why calls through the proxy cannot be seen. */
  proxyProblem?: string;
  /** What does not work on this host, each with its reason. */
  problems: string[];
  /** Undefined until the agent has answered once. */
  cluster?: ClusterView;
  networks: NetworkView[];
  containers: ContainerView[];
  /** Calls with hooks, newest first. */
  calls: Trace[];
}

export interface ClusterView {
  /** Undefined for a host in no cluster. */
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
  /** `up`, `no tunnel`, `agent away` or `silent`. */
  state: string;
  /** Whether its containers can be expected to answer. */
  up: boolean;
  /** Whether packets get from here to there. */
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
  /** Addresses in use by host, for each host that uses any. */
  hosts: { name: string; used: number }[];
}

export interface ContainerView {
  id: string;
  name: string;
  network: string;
  ip: string;
  host: string;
  /** `up` or `down`; containers of this host may also be `starting` or `failed`. */
  state: string;
  reason?: string;
}
