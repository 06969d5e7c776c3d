import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasBody, readBody } from './body.js';
import type { CallContext, Chains } from './chain.js';
import { detach } from './detach.js';
import { isJson, withoutHeaders } from './headers.js';
import { canonicalBody } from './json/canonical.js';
import type { Hooks } from './match.js';
import { Refusal } from './refusal.js';
import { takeBytes } from './take-bytes.js';
import type { Target } from './target.js';
import { answerError, type Tunnel } from './tunnel.js';

export interface HijackCall {
  req: IncomingMessage;
  target: Target;
  hooks?: Hooks;
  context: CallContext;
}

export interface Hijack {
  /** Node has seen an upgrade and let go of the connection: body and stream are still on it. */
  upgraded(call: HijackCall, socket: Duplex, head: Buffer): Promise<void>;
  /** The old way, without `Upgrade`: Node has an ordinary request. */
  plain(call: HijackCall): Promise<void>;
}

/** Streams behind a call. Their pre-hooks run; post-hooks cannot. */
export function createHijack(parts: { tunnel: Tunnel; chains: Chains; hookBody: number }): Hijack {
  const { tunnel, chains, hookBody } = parts;

  async function upgraded(call: HijackCall, socket: Duplex, head: Buffer): Promise<void> {
    const { req, target } = call;
    const length = bodyLength(req);
    if (!call.hooks?.pre.length) {
      const { url } = target;
      tunnel({ method: method(req), url, headers: req.rawHeaders, head, bodyLength: length }, socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    try {
      if (length === undefined)
        throw new Refusal(400, 'a call with hooks that upgrades needs a Content-Length');
      if (length > hookBody)
        throw new Refusal(413, `the body of ${call.hooks.endpoint} is larger than limits.hookBody`);
      const { taken, rest } = await takeBytes(socket, head, length);
      await afterHooks(call, socket, taken, rest);
    } catch (error) {
      answerError(socket, error);
    }
  }

  async function plain(call: HijackCall): Promise<void> {
    const { req } = call;
    // Without a body the connection has to be taken at once, before Node reads the stream as the next request.
    const early = hasBody(req) ? undefined : detach(req);
    const body = early
      ? Buffer.alloc(0)
      : await readBody(req, hookBody, `the body of ${req.method} ${call.target.path}`);
    const socket = early ?? detach(req);
    socket.on('error', () => socket.destroy());
    try {
      await afterHooks(call, socket, body, Buffer.alloc(0));
    } catch (error) {
      answerError(socket, error);
    }
  }

  async function afterHooks(call: HijackCall, socket: Duplex, received: Buffer, rest: Buffer): Promise<void> {
    const { req, target, hooks, context } = call;
    const hasJson = isJson(req.headers['content-type']) && received.length > 0;
    const sent = hooks && hasJson ? canonicalBody(method(req), target.path, received) : received;
    const text = hasJson ? sent.toString() : null;
    const request = await chains.pre(
      hooks?.pre ?? [],
      { Method: method(req), Request: target.url, Body: text },
      context,
    );
    const body = text === null || request.Body === text ? sent : Buffer.from(request.Body ?? '');
    const headers = withoutHeaders(req.rawHeaders, 'content-length', 'transfer-encoding');
    if (body.length > 0) headers.push('Content-Length', String(body.length));
    const head = Buffer.concat([body, rest]);
    tunnel({ method: request.Method, url: request.Request, headers, head, bodyLength: body.length }, socket);
  }

  return { upgraded, plain };
}

function method(req: IncomingMessage): string {
  return req.method ?? 'GET';
}

/** Undefined when only the chunks tell. */
function bodyLength({ headers }: IncomingMessage): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
}
