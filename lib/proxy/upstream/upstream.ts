import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { hasCode, messageOf } from '../../base/errors.js';
import type { Address } from '../config/address.js';
import { KEEP_ALIVE, MAX_HEADER_BYTES } from '../http/limits.js';
import { Refusal } from '../http/refusal.js';
import { closeIdle } from './close-idle.js';
import { readTls, type TlsFiles } from '../config/tls-files.js';

export interface Upstream {
  /** As the user wrote it; for messages. */
  name: string;
  /** Kept-alive connections for ordinary calls. */
  agent: http.Agent | https.Agent;
  /** Whether calls go over TLS. */
  secure: boolean;
  /** Where to connect, as `http.request` and `net.connect` take it. */
  target: { socketPath: string } | { host: string; port: number };
  /** A new connection whose two directions end independently. @param onread reads from it instead of a stream */
  connect(onread?: net.OnReadOpts): net.Socket;
  /** The error that the user gets when Docker does not answer. */
  failure(cause: unknown): Refusal;
  /** Calls in progress go on; no connection is kept after they end. */
  retire(): void;
}

export function createUpstream(address: Address, files: TlsFiles = {}): Upstream {
  const { text, kind } = address;
  const keeping = { keepAlive: true, maxFreeSockets: 64 };
  const material = kind === 'tls' ? readTls(files) : undefined;
  const agent = material ? new https.Agent({ ...keeping, ...material }) : new http.Agent(keeping);
  return {
    name: text,
    agent,
    secure: material !== undefined,
    target: kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port },
    connect(onread) {
      if (kind === 'unix') return net.connect({ path: address.path, allowHalfOpen: true, onread });
      const { host, port } = address;
      const options = { host, port, allowHalfOpen: true, noDelay: true, onread, ...KEEP_ALIVE };
      if (!material) return net.connect(options);
      // SNI takes only names, not addresses.
      return tls.connect({ ...options, ...material, ...(net.isIP(host) === 0 && { servername: host }) });
    },
    failure: (cause) => failure(text, cause),
    retire: () => closeIdle(agent),
  };
}

/** Options for every call to Docker that the proxy makes itself. */
export function requestOptions({ agent, target }: Upstream): http.RequestOptions {
  return { ...target, agent, maxHeaderSize: MAX_HEADER_BYTES };
}

const UNREACHABLE = [
  'ENOENT',
  'ECONNREFUSED',
  'EACCES',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
];

function failure(name: string, cause: unknown): Refusal {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : messageOf(cause);
  return hasCode(cause, ...UNREACHABLE)
    ? new Refusal(503, `cannot reach Docker at ${name}: is it running? (${code})`, { cause })
    : new Refusal(502, `Docker at ${name} broke off before it answered (${code})`, { cause });
}
