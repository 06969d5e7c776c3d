import type { HostPaths } from '../base/paths.js';
import { readProxyConfig } from '../proxy/config/config.js';

/** Where our daemons listen on this host. `forClients`: the sockets that a container may have a use for. */
export interface OurSockets {
  all: string[];
  forClients: string[];
}

/** With the addresses of this host's `proxy.yml`, if it can be read; else with the default one. */
export async function ourSockets(paths: HostPaths): Promise<OurSockets> {
  const listen = await readProxyConfig(paths.proxyConfig).then(
    (config) => config.listen.flatMap((address) => (address.kind === 'unix' ? [address.path] : [])),
    () => [paths.proxySocket],
  );
  const { agentSocket, driverSocket, pluginSocket, traceSocket, consulSocket } = paths;
  const forClients = [...new Set([...listen, agentSocket])];
  return { all: [...forClients, driverSocket, pluginSocket, traceSocket, consulSocket], forClients };
}
