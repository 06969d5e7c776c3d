import type { Host } from './host.js';

const SOCKET = '/run/consul.sock';

export interface ConsulServer {
  /** Path of its unix socket, as seen from here. */
  address: string;
  start(): Promise<void>;
  /** Resolves when it is the leader, or knows one. */
  ready(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  isLeader(): Promise<boolean>;
}

/** A Consul server on each of these hosts, which together form a cluster. */
export function consulServers(hosts: Host[]): ConsulServer[] {
  return hosts.map((host) => {
    // Empty where there is none, or no Consul.
    const leader = () =>
      host.ask(SOCKET, 'GET', '/v1/status/leader').then(
        ({ status, text }) => (status === 200 ? text : ''),
        () => '',
      );
    const argv = [
      ...['consul', 'agent', '-server', '-data-dir=/var/lib/socketplane/consul', '-log-level=warn'],
      ...[`-bind=${host.address}`, `-node=${host.name}`, `-bootstrap-expect=${hosts.length}`],
      ...hosts.filter((other) => other !== host).map(({ address }) => `-retry-join=${address}`),
      '-retry-interval=1s',
      ...['-hcl', `addresses { http = "unix://${SOCKET}" }`],
      ...['-hcl', 'ports { dns = -1, grpc = -1, serf_wan = -1 }'],
      ...['-hcl', 'performance { raft_multiplier = 1 }'],
      // Otherwise a killed server has no vote for 10 s after its return, and the next must not be killed until then.
      ...['-hcl', 'autopilot { cleanup_dead_servers = false }'],
      // All clients outside the hosts count as one.
      ...['-hcl', 'limits { http_max_conns_per_client = 10000 }'],
      ...['-hcl', 'disable_update_check = true, leave_on_terminate = false'],
    ];
    return {
      address: host.file(SOCKET),
      start: () => host.start('consul', argv),
      ready: () => host.ready('consul', async () => (await leader()).includes(':')),
      stop: (signal) => host.stop('consul', signal),
      isLeader: async () => (await leader()).includes(host.address),
    };
  });
}
