import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where things lie on a host. */
export interface HostPaths {
  agentSocket: string;
  agentPid: string;
  /** Of the Consul that the agent runs, for root alone: whoever can use it owns the cluster. */
  consulSocket: string;
  /** Where `docker` talks to us. */
  proxySocket: string;
  proxyPid: string;
  /** Where the proxy tells of the calls with hooks. */
  traceSocket: string;
  /** Where Docker itself listens. */
  dockerSocket: string;
  /** The folder of the two files below. */
  settings: string;
  agentConfig: string;
  proxyConfig: string;
  /** The folder of the agent's store, and of what was fetched for it. */
  state: string;
  logs: string;
  /** What `install` has put on this host. */
  installRecord: string;
}

export const hostPaths: HostPaths = {
  agentSocket: '/run/socketplane/agent.sock',
  agentPid: '/run/socketplane/agent.pid',
  consulSocket: '/run/socketplane/consul.sock',
  proxySocket: '/run/socketplane/docker.sock',
  proxyPid: '/run/socketplane/proxy.pid',
  traceSocket: '/run/socketplane/trace.sock',
  dockerSocket: '/var/run/docker.sock',
  settings: '/etc/socketplane',
  agentConfig: '/etc/socketplane/agent.yml',
  proxyConfig: '/etc/socketplane/proxy.yml',
  state: '/var/lib/socketplane',
  logs: '/var/log/socketplane',
  installRecord: '/var/lib/socketplane/install.json',
};

/** The folder that holds package.json, bin/ and proxy.yml: above the sources as well as above what is built of them. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
