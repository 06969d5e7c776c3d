import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { hasCode, messageOf } from '../../errors.js';
import { endWith } from '../end-with.js';
import { retireAgent } from '../retire-agent.js';
import { AdapterFailure, AdapterRefusal, within, type Adapter } from './adapter.js';
import type { AdapterUrl } from './adapter-url.js';
import type { Hook, Protocol, Reply } from './hook.js';

export interface HttpAdapterOptions {
  name: string;
  url: AdapterUrl;
  protocol: Protocol;
  /** Milliseconds for one call. */
  timeout: number;
  onFailure: 'fail' | 'ignore';
  /** Bytes that an answer may have. */
  maxReply: number;
}

interface HttpReply {
  status: number;
  body: string;
}

/** An adapter that is called over HTTP, on connections that are kept. */
export function createHttpAdapter(options: HttpAdapterOptions): Adapter {
  const { name, url, protocol, timeout, onFailure, maxReply } = options;
  const agent = url.tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });

  async function call(document: string, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await post(document, signal).catch((error: unknown) => {
        // The adapter closed a connection that it had kept, as we took it: it has not seen the call.
        if (error instanceof StaleConnection) return post(document, signal);
        throw error;
      });
    } catch (cause) {
      if (cause instanceof AdapterFailure) throw cause;
      throw new AdapterFailure(502, `no answer from ${url.text}: ${reason(cause)}`, { cause });
    }
  }

  function post(document: string, signal: AbortSignal): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const request = (url.tls ? https : http).request({
        ...url.connect,
        path: url.path,
        method: 'POST',
        agent,
        headers: {
          Host: url.host,
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(document),
        },
      });
      endWith(signal, request);
      request.once('error', (error) => {
        const stale = request.reusedSocket && hasCode(error, 'ECONNRESET', 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      // Without a listener Node would let go of the connection and of this call, without a word.
      request.once('upgrade', (_, socket) => {
        socket.destroy();
        reject(new AdapterFailure(502, 'it answered with an upgrade'));
      });
      request.once('response', (response) => {
        readBody(response, maxReply).then(
          (body) => resolve({ status: response.statusCode ?? 0, body }),
          (error: Error) => {
            request.destroy();
            reject(error);
          },
        );
      });
      request.end(document);
    });
  }

  function understand({ status, body }: HttpReply, hook: Hook): Reply {
    if (status < 200 || status > 299) throw refusal(status, body);
    if (hook.type === 'unwind') return {};
    try {
      return protocol.read(body, hook);
    } catch (cause) {
      const message = `its answer is not one of hook protocol ${protocol.version}: ${messageOf(cause)}`;
      throw new AdapterFailure(502, message, { cause });
    }
  }

  return {
    name,
    onFailure,
    unwinds: protocol.version > 1,
    async ask(hook, context, signal) {
      const document = protocol.write(hook, context);
      return understand(await within(timeout, signal, (either) => call(document, either)), hook);
    },
    retire: () => retireAgent(agent),
  };
}

class StaleConnection extends Error {}

function readBody(response: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    response.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) reject(new AdapterFailure(502, `its answer is larger than ${limit} bytes`));
      else chunks.push(chunk);
    });
    response.once('end', () => resolve(Buffer.concat(chunks, length).toString()));
    response.once('error', reject);
  });
}

/** What the adapter says is for the person at the client: its `message` when it is JSON, else its text. */
function refusal(status: number, body: string): AdapterRefusal {
  const text = messageIn(body) ?? body.trim();
  const isError = status >= 400 && status <= 599;
  return new AdapterRefusal(isError ? status : 502, text || `refused with status ${status}`);
}

function messageIn(body: string): string | undefined {
  try {
    const { message } = z.object({ message: z.string() }).parse(JSON.parse(body));
    return message.trim();
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  const root = error instanceof StaleConnection ? error.cause : error;
  return root instanceof Error && 'code' in root ? String(root.code) : messageOf(root);
}
