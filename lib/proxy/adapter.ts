import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { hasCode, messageOf } from '../errors.js';
import type { AdapterUrl } from './adapter-url.js';
import { retireAgent } from './retire-agent.js';

export interface AdapterReply {
  status: number;
  body: string;
}

export interface Adapter {
  name: string;
  onFailure: 'fail' | 'ignore';
  /**
   * Sends one JSON document and gives the answer, whatever its status.
   *
   * @throws AdapterFailure when there is none; the reason of `signal` when that aborts
   */
  call(document: string, signal: AbortSignal): Promise<AdapterReply>;
  /** Calls under way go on; no connection is kept. */
  retire(): void;
}

/** An adapter that is down (502) or slow (504). */
export class AdapterFailure extends Error {
  override readonly name = 'AdapterFailure';

  constructor(
    readonly status: 502 | 504,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export interface AdapterOptions {
  name: string;
  url: AdapterUrl;
  /** Milliseconds for one call. */
  timeout: number;
  onFailure: 'fail' | 'ignore';
  /** Bytes that an answer may have. */
  maxReply: number;
}

/** An adapter that is called over HTTP, on connections that are kept. */
export function createAdapter(options: AdapterOptions): Adapter {
  const { name, url, timeout, onFailure, maxReply } = options;
  const agent = url.tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });

  async function call(document: string, signal: AbortSignal): Promise<AdapterReply> {
    const limit = AbortSignal.timeout(timeout);
    const either = AbortSignal.any([signal, limit]);
    try {
      return await post(document, either).catch((error: unknown) => {
        // The adapter closed a connection that it had kept, as we took it: it has not seen the call.
        if (error instanceof StaleConnection) return post(document, either);
        throw error;
      });
    } catch (cause) {
      signal.throwIfAborted();
      if (limit.aborted) throw new AdapterFailure(504, `no answer within ${timeout} ms`, { cause });
      if (cause instanceof AdapterFailure) throw cause;
      throw new AdapterFailure(502, `no answer from ${url.text}: ${reason(cause)}`, { cause });
    }
  }

  function post(document: string, signal: AbortSignal): Promise<AdapterReply> {
    return new Promise((resolve, reject) => {
      const request = (url.tls ? https : http).request({
        ...url.connect,
        path: url.path,
        method: 'POST',
        agent,
        signal,
        headers: {
          Host: url.host,
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(document),
        },
      });
      request.once('error', (error) => {
        const stale = request.reusedSocket && hasCode(error, 'ECONNRESET', 'EPIPE');
        reject(stale ? new StaleConnection() : error);
      });
      request.once('response', (response) => {
        readReply(response, maxReply).then(
          (body) => resolve({ status: response.statusCode ?? 0, body }),
          (error: unknown) => {
            request.destroy();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
      request.end(document);
    });
  }

  return { name, onFailure, call, retire: () => retireAgent(agent) };
}

class StaleConnection extends Error {}

async function readReply(response: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new AdapterFailure(502, `its answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString();
}

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
}
