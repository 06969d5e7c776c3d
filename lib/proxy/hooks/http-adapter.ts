import { isUtf8 } from 'node:buffer';
import http from 'node:http';
import https from 'node:https';
import { z } from 'zod';
import { hasCode, messageOf } from '../../base/errors.js';
import { abortRequestOn } from '../upstream/abort-request.js';
import { refuseUpgrade } from '../upstream/refuse-upgrade.js';
import { closeIdle } from '../upstream/close-idle.js';
import { readAll } from '../http/read-all.js';
import { AdapterFailure, AdapterRefusal, within, type HookAdapter } from './adapter.js';
import type { AdapterUrl } from '../config/adapter-url.js';
import type { Hook, Protocol, Reply } from './hook.js';

export interface HttpAdapterOptions {
  name: string;
  url: AdapterUrl;
  protocol: Protocol;
  /** Milliseconds for one call. */
  timeout: number;
  onFailure: 'fail' | 'ignore';
  /** How many bytes an answer may have. */
  maxReply: number;
}

interface HttpReply {
  status: number;
  body: Buffer;
}

/** An adapter that is called over HTTP, on connections that are kept alive. */
export function createHttpAdapter(options: HttpAdapterOptions): HookAdapter {
  const { name, url, protocol, timeout, onFailure, maxReply } = options;
  const agent = url.tls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });

  const tooLarge = () => new AdapterFailure(502, `its answer is larger than ${maxReply} bytes`);

  async function call(document: string, signal: AbortSignal): Promise<HttpReply> {
    try {
      return await post(document, signal).catch((error: unknown) => {
        // The adapter closed an idle connection just as we took it, so it has not seen the call. The other idle ones
        // may be just as stale.
        if (error instanceof StaleConnection) return post(document, signal, false);
        throw error;
      });
    } catch (cause) {
      if (cause instanceof AdapterFailure) throw cause;
      throw new AdapterFailure(502, `no answer from ${placeOf(url)}: ${reason(cause)}`, { cause });
    }
  }

  /** @param from the agent whose connections to use, or `false` for a new connection */
  function post(document: string, signal: AbortSignal, from: http.Agent | false = agent): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const request = (url.tls ? https : http).request({
        ...url.connect,
        path: url.path,
        method: 'POST',
        agent: from,
        headers: {
          Host: url.host,
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(document),
        },
      });
      abortRequestOn(signal, request);
      request.on('error', (error) => {
        const stale = request.reusedSocket && hasCode(error, 'ECONNRESET', 'EPIPE');
        reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
      });
      refuseUpgrade(request);
      request.once('response', (response) => {
        readAll(response, maxReply, tooLarge).then(
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
    if (status < 200 || status > 299) throw refusal(status, body.toString());
    if (hook.type === 'unwind') return {};
    if (!isUtf8(body)) throw new AdapterFailure(502, 'its answer is not UTF-8');
    try {
      return protocol.read(body.toString(), hook);
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
    retire: () => Promise.resolve(closeIdle(agent)),
  };
}

/** How many characters of a reason clients and the log get: it may be a web server's whole error page. */
const MAX_REASON = 4_096;

class StaleConnection extends Error {}

/** What the adapter says is meant for the client's user: its `message` when it is JSON, else its text. */
function refusal(status: number, body: string): AdapterRefusal {
  const text = (messageIn(body) ?? body.trim()).slice(0, MAX_REASON);
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

/** As people know it: a socket's path would be full of escapes. */
function placeOf({ text, connect }: AdapterUrl): string {
  return 'socketPath' in connect ? connect.socketPath : text;
}

function reason(error: unknown): string {
  const root = error instanceof StaleConnection ? error.cause : error;
  return root instanceof Error && 'code' in root ? String(root.code) : messageOf(root);
}
