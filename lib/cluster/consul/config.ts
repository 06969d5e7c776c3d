import { join } from 'node:path';

/** Consul's name for all of one cluster; what keeps clusters apart is the key. */
export const DATACENTER = 'socketplane';

/** Our own ports, so that a Consul which the host has anyway is not in the way. Bound to the underlay's address only. */
export const PORTS = { server: 6677, serf: 6678 } as const;

const LOG_BYTES = 4 * 1024 * 1024;
const LOG_FILES = 2;
const OFF = -1;

/** What this host's Consul is to be. */
export interface ConsulRole {
  hostId: string;
  /** Address of the underlay. */
  address: string;
  server: boolean;
  /** The very first server of a cluster: elects itself without asking others. Looked at only where there is no data yet. */
  bootstrap: boolean;
  /** Addresses of members to look for at start, besides those that Consul remembers. */
  peers: string[];
  gossipKey: string;
}

export interface ConsulFiles {
  /** Folder of everything else. */
  folder: string;
  config: string;
  data: string;
  pid: string;
  /** Consul puts the time into the name. */
  log: string;
  /** What Consul said before it could write its log. */
  errors: string;
  authority: string;
  certificate: string;
  privateKey: string;
  /** HTTP API: for root only. */
  socket: string;
}

export function consulFiles(state: string, socket: string): ConsulFiles {
  const folder = join(state, 'consul');
  const file = (name: string) => join(folder, name);
  return {
    folder,
    config: file('consul.json'),
    data: file('data'),
    pid: file('consul.pid'),
    log: file('log/consul.log'),
    errors: file('log/consul.err'),
    authority: file('authority.pem'),
    certificate: file('certificate.pem'),
    privateKey: file('private-key.pem'),
    socket,
  };
}

/** Consul's configuration file. */
export function consulConfig(role: ConsulRole, files: ConsulFiles): Record<string, unknown> {
  return {
    datacenter: DATACENTER,
    node_id: role.hostId,
    node_name: role.hostId,
    data_dir: files.data,
    log_file: files.log,
    log_rotate_bytes: LOG_BYTES,
    log_rotate_max_files: LOG_FILES,
    server: role.server,
    ...(role.server && role.bootstrap && { bootstrap_expect: 1 }),
    bind_addr: role.address,
    advertise_addr: role.address,
    addresses: { http: `unix://${files.socket}` },
    unix_sockets: { mode: '0600' },
    // The number of the HTTP port only switches the socket on.
    ports: {
      http: 8500,
      server: PORTS.server,
      serf_lan: PORTS.serf,
      serf_wan: OFF,
      dns: OFF,
      grpc: OFF,
      https: OFF,
    },
    encrypt: role.gossipKey,
    verify_incoming: true,
    verify_outgoing: true,
    verify_server_hostname: true,
    ca_file: files.authority,
    cert_file: files.certificate,
    key_file: files.privateKey,
    retry_join: role.peers.map((address) => `${address}:${PORTS.serf}`),
    retry_interval: '2s',
    // A stop is no farewell: that is `leave`.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    // A server that becomes a client leaves, and is to find the others again; who leaves for good drops the data.
    rejoin_after_leave: true,
    // Who is gone for good is said by the reaper; Consul's own term may not be shorter than 8 hours.
    reconnect_timeout: '24h',
    performance: { raft_multiplier: 2, leave_drain_time: '500ms' },
    autopilot: {
      cleanup_dead_servers: true,
      server_stabilization_time: '1s',
      last_contact_threshold: '2s',
    },
    // All watches of one agent are one client to Consul.
    limits: { http_max_conns_per_client: 8_192 },
    disable_update_check: true,
    enable_script_checks: false,
    disable_remote_exec: true,
    ui: false,
  };
}

/** These matter only when Consul starts; that they differ is no reason to start it anew. */
const AT_START_ONLY = new Set(['retry_join', 'bootstrap_expect']);

/** Whether Consul that runs with one configuration does what another asks. */
export function sameConfig(running: Record<string, unknown>, wanted: Record<string, unknown>): boolean {
  const text = (config: Record<string, unknown>) =>
    JSON.stringify(Object.entries(config).filter(([key]) => !AT_START_ONLY.has(key)));
  return text(running) === text(wanted);
}
