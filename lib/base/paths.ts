import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where things are on a host. */
export interface HostPaths {
  agentSocket: string;
  agentPid: string;
  /** The agent's other socket, for root only: the calls of Docker's network driver. */
  driverSocket: string;
  /** Where Docker looks for the driver `socketplane`. */
  pluginSocket: string;
  pluginPid: string;
  /** The plugin process's other socket, for root only: there the agent tells it what containers' names mean. */
  namesSocket: string;
  /** Socket of the Consul that the agent runs, for root only: anyone who can use it controls the cluster. */
  consulSocket: string;
  /** Where Consul has a container of its own: the pipe on which its keeper is asked to start it. */
  consulRequests: string;
  /** Tells one boot from the next: it goes with the folder. */
  boot: string;
  /** Where `docker` talks to the proxy. */
  proxySocket: string;
  proxyPid: string;
  /** Where the proxy reports the calls that have hooks. */
  traceSocket: string;
  /** Where Docker itself listens. */
  dockerSocket: string;
  /** The folder of the two files below. */
  settings: string;
  agentConfig: string;
  proxyConfig: string;
  /** The folder for the agent's store, and for what was fetched for the agent. */
  state: string;
  logs: string;
  /** What `install` put on this host. */
  installRecord: string;
}

export const hostPaths: HostPaths = {
  agentSocket: '/run/socketplane/agent.sock',
  agentPid: '/run/socketplane/agent.pid',
  driverSocket: '/run/socketplane/driver.sock',
  pluginSocket: '/run/docker/plugins/socketplane.sock',
  pluginPid: '/run/socketplane/plugin.pid',
  namesSocket: '/run/socketplane/names.sock',
  consulSocket: '/run/socketplane/consul.sock',
  consulRequests: '/run/socketplane/consul.requests',
  boot: '/run/socketplane/boot',
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

/** The agent's variable that names `consulRequests`, where there is a keeper: see bin/keep-consul. */
export const KEEPER_VARIABLE = 'SOCKETPLANE_CONSUL_KEEPER';

/** The folder that holds package.json, bin/ and proxy.yml: above both the sources and the build output. */
export function packageRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
