import type { EventEmitter } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Consul from 'consul';
import { AppError } from '../../base/errors.js';
import type { KvOperation } from './operation.js';

/** By default, Consul accepts 200 connections from one client. */
const MAX_SOCKETS = 32;

export interface ConsulEndpoint {
  /** Address of the Consul agent: the path of its unix socket, or a URL such as `https://consul.example:8501`. */
  address: string;
  token?: string;
  /** For `https://`: PEM texts, and the name in Consul's certificate. */
  tls?: { ca?: string; cert?: string; key?: string; servername?: string };
  /** Default: true. Without it, a call never uses a connection to a Consul that has since been restarted. */
  keepAlive?: boolean;
}

export interface CallOptions {
  timeout?: number;
  ctx?: EventEmitter;
  consistent?: boolean;
}

/** Options of a query that waits for a change. */
export interface WaitOptions extends CallOptions {
  index?: string;
  wait?: string;
}

/** What is used of the package, whose own types leave out time limits, waits and the form of a transaction. */
export interface Package {
  transaction: { create(operations: { KV: KvOperation }[], options: CallOptions): Promise<unknown> };
  kv: {
    get(options: WaitOptions & { key: string; recurse: true }): Promise<unknown>;
  };
  health: { state(options: WaitOptions & { state: string }): Promise<unknown> };
  session: {
    create(options: CallOptions & Record<string, unknown>): Promise<unknown>;
    renew(options: CallOptions & { id: string }): Promise<unknown>;
    destroy(options: CallOptions & { id: string }): Promise<unknown>;
  };
  status: { leader(options: CallOptions): Promise<unknown> };
  agent: {
    self(options: CallOptions): Promise<unknown>;
    members(options: CallOptions): Promise<unknown>;
    join(options: CallOptions & { address: string }): Promise<unknown>;
    forceLeave(options: CallOptions & { node: string }): Promise<unknown>;
  };
  /** Not in the package: leaves the cluster gracefully, and ends. */
  leave(options: CallOptions): Promise<void>;
  /** Not in the package: the servers that Raft counts. */
  raftConfiguration(options: CallOptions): Promise<unknown>;
  destroy(): void;
}

/** How the package makes its own calls, with papi; used for the calls that it lacks. */
interface Requests {
  _get(request: { name: string; path: string } & CallOptions): Promise<{ body: unknown }>;
  _put(request: { name: string; path: string } & CallOptions): Promise<unknown>;
}

/** The only place that creates clients of Consul's HTTP API. */
export function connect({ address, token, tls, keepAlive = true }: ConsulEndpoint): Package {
  const isSocket = address.startsWith('/');
  const url = isSocket ? new URL('http://localhost') : parseUrl(address);
  const secure = url.protocol === 'https:';
  const Agent = secure ? HttpsAgent : HttpAgent;
  const options = {
    ...(isSocket
      ? { socketPath: address }
      : { host: url.hostname, port: Number(url.port) || undefined, secure }),
    agent: new Agent({ keepAlive, maxSockets: MAX_SOCKETS, ...(secure && tls) }),
    defaults: token === undefined ? {} : { token },
  };
  const client = new Consul(options) as unknown as Package & Requests;
  return Object.assign(client, {
    async leave(call: CallOptions) {
      await client._put({ name: 'agent.leave', path: '/agent/leave', ...call });
    },
    async raftConfiguration(call: CallOptions) {
      const path = '/operator/raft/configuration';
      return (await client._get({ name: 'operator.raft', path, ...call })).body;
    },
  });
}

function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new AppError(
    'invalid',
    `"${address}" is no address of Consul: give a URL such as http://192.0.2.1:8500, or the path of a socket`,
  );
}
