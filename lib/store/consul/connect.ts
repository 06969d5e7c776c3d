import type { EventEmitter } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Consul from 'consul';
import { AppError } from '../../base/errors.js';
import type { KvOperation } from './operation.js';

/** Consul by default takes 200 connections of a client. */
const MAX_SOCKETS = 32;

export interface ConsulEndpoint {
  /** Of the Consul agent: the path of its unix socket, or a URL such as `https://consul.example:8501`. */
  address: string;
  token?: string;
}

export interface CallOptions {
  timeout?: number;
  ctx?: EventEmitter;
  consistent?: boolean;
}

/** What is used of the package, whose own types leave out time limits, waits and what a transaction looks like. */
export interface Package {
  transaction: { create(operations: { KV: KvOperation }[], options: CallOptions): Promise<unknown> };
  kv: {
    get(
      options: CallOptions & { key: string; recurse: true; index?: string; wait?: string },
    ): Promise<unknown>;
  };
  session: {
    create(options: CallOptions & Record<string, unknown>): Promise<unknown>;
    renew(options: CallOptions & { id: string }): Promise<unknown>;
    destroy(options: CallOptions & { id: string }): Promise<unknown>;
  };
  status: { leader(options: CallOptions): Promise<unknown> };
  destroy(): void;
}

export function connect({ address, token }: ConsulEndpoint): Package {
  const isSocket = address.startsWith('/');
  const url = isSocket ? new URL('http://localhost') : parseUrl(address);
  const secure = url.protocol === 'https:';
  const Agent = secure ? HttpsAgent : HttpAgent;
  const options = {
    ...(isSocket
      ? { socketPath: address }
      : { host: url.hostname, port: Number(url.port) || undefined, secure }),
    agent: new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    defaults: token === undefined ? {} : { token },
  };
  return new Consul(options) as unknown as Package;
}

function parseUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new AppError(
    'invalid',
    `"${address}" is no address of Consul: give a URL such as http://192.0.2.1:8500, or the path of a socket`,
  );
}
