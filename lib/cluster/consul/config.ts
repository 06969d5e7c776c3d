import { join } from 'node:path';
import { CONSUL_SERVER_PORT, GOSSIP_PORT } from '../../base/ports.js';

/** The same in every cluster: clusters are kept apart by their keys. */
export const DATACENTER = 'socketplane';

const LOG_BYTES = 4 * 1024 * 1024;
const LOG_FILES = 2;
const OFF = -1;

/** How this host's Consul should run. */
export interface ConsulSpec {
  hostId: string;
  /** On the underlay. */
  address: string;
  server: boolean;
  /** The first server of a new cluster elects itself without asking others. Ignored once there is data. */
  bootstrap: boolean;
  /** Addresses of members to contact at start, besides those that Consul remembers. */
  peers: string[];
  gossipKey: string;
  /** The authority that signs its certificate is derived from this. */
  authoritySeed: Buffer;
}

export interface ConsulFiles {
  /** Holds all the others except the socket. */
  folder: string;
  config: string;
  data: string;
  pid: string;
  /** Where a keeper starts Consul: there from the moment when that is asked of it until it does. */
  wanted: string;
  /** Consul inserts the time into the name. */
  log: string;
  /** What Consul said before it could write to its log. */
  errors: string;
  authority: string;
  certificate: string;
  privateKey: string;
  /** The HTTP API, for root only. */
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
    wanted: file('wanted'),
    log: file('log/consul.log'),
    errors: file('log/consul.err'),
    authority: file('authority.pem'),
    certificate: file('certificate.pem'),
    privateKey: file('private-key.pem'),
    socket,
  };
}

/** Consul's arguments; the last one tells this Consul from others. */
export const consulArguments = (files: ConsulFiles): [string, string] => [
  'agent',
  `-config-file=${files.config}`,
];

/** Consul's configuration file. */
export function consulAgentConfig(spec: ConsulSpec, files: ConsulFiles): Record<string, unknown> {
  return {
    datacenter: DATACENTER,
    node_id: spec.hostId,
    node_name: spec.hostId,
    data_dir: files.data,
    log_file: files.log,
    log_rotate_bytes: LOG_BYTES,
    log_rotate_max_files: LOG_FILES,
    server: spec.server,
    ...(spec.server && spec.bootstrap && { bootstrap_expect: 1 }),
    bind_addr: spec.address,
    advertise_addr: spec.address,
    addresses: { http: `unix://${files.socket}` },
    unix_sockets: { mode: '0600' },
    // Not Consul's usual ports, so that the host may run another Consul. They are bound to the underlay's address only.
    // Any number enables the HTTP API, which listens only on the socket.
    ports: {
      http: 8500,
      server: CONSUL_SERVER_PORT,
      serf_lan: GOSSIP_PORT,
      serf_wan: OFF,
      dns: OFF,
      grpc: OFF,
      https: OFF,
    },
    encrypt: spec.gossipKey,
    verify_incoming: true,
    verify_outgoing: true,
    verify_server_hostname: true,
    ca_file: files.authority,
    cert_file: files.certificate,
    key_file: files.privateKey,
    retry_join: spec.peers.map((address) => `${address}:${GOSSIP_PORT}`),
    retry_interval: '2s',
    // A Consul that is stopped has not left the cluster; that is what `leave` is for.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    // A server that becomes a client leaves first, and then has to find the others again. Leaving for good drops the data.
    rejoin_after_leave: true,
    // The reaper decides who is gone for good. Consul accepts nothing below 8 hours.
    reconnect_timeout: '24h',
    performance: { raft_multiplier: 2, leave_drain_time: '500ms' },
    autopilot: {
      cleanup_dead_servers: true,
      server_stabilization_time: '1s',
      last_contact_threshold: '2s',
    },
    // To Consul, all watches of one agent are one client.
    limits: { http_max_conns_per_client: 8_192 },
    disable_update_check: true,
    enable_script_checks: false,
    disable_remote_exec: true,
    ui: false,
  };
}

/** Consul reads these only when it starts, so a change is no reason to restart it. */
const AT_START_ONLY = new Set(['retry_join', 'bootstrap_expect']);

/** Whether a Consul that runs with one configuration can do without a restart for another. */
export function sameConfig(running: Record<string, unknown>, wanted: Record<string, unknown>): boolean {
  const text = (config: Record<string, unknown>) =>
    JSON.stringify(Object.entries(config).filter(([key]) => !AT_START_ONLY.has(key)));
  return text(running) === text(wanted);
}
