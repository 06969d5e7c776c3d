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
    const curl = (path: string) => ['curl', '-fsS', '--unix-socket', SOCKET, `http://consul/v1${path}`];
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
      ready: () => host.ready('consul', ['sh', '-c', `${curl('/status/leader').join(' ')} | grep -q :`]),
      stop: (signal) => host.stop('consul', signal),
      async isLeader() {
        const { stdout } = await host.run(curl('/status/leader'), { reject: false });
        return stdout.includes(host.address);
      },
    };
  });
}
