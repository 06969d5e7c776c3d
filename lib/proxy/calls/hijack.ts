import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { hasBody, readBody } from '../http/read-body.js';
import { takeOverSocket } from '../client/take-over-socket.js';
import { askForBody } from '../http/expect.js';
import { HOP_BY_HOP, withoutHeaders } from '../http/headers.js';
import { isVisible } from './body-visibility.js';
import type { Chains, HookRun } from '../hooks/chain.js';
import type { CallContext } from '../hooks/hook.js';
import { DOCKER_FAILED, failureReason } from '../hooks/reason.js';
import { canonicalBody } from '../../docker-api/canonical-body.js';
import type { Hooks } from '../config/match.js';
import { respondWithError, respond } from '../http/raw-response.js';
import { statusOf } from '../http/refusal.js';
import { isHijack } from '../../docker-api/call-kinds.js';
import { chunkedBody, fixedBody, readRawBody } from '../http/read-raw-body.js';
import type { Target } from '../../docker-api/target.js';
import type { Tunnel } from './tunnel.js';

export interface HijackCall {
  req: IncomingMessage;
  target: Target;
  hooks?: Hooks;
  context: CallContext;
}

export interface Hijack {
  /** Node has seen an upgrade and let go of the connection: body and stream are still to be read from it. */
  upgraded(call: HijackCall, socket: Duplex, head: Buffer): Promise<void>;
  /** The old way, without `Upgrade`: Node sees an ordinary request. */
  plain(call: HijackCall): Promise<void>;
}

/** Calls that turn into streams. Their pre-hooks run; post-hooks cannot. */
export function createHijack(parts: { tunnel: Tunnel; chains: Chains; hookBody: number }): Hijack {
  const { tunnel, chains, hookBody } = parts;

  async function upgraded(call: HijackCall, socket: Duplex, head: Buffer): Promise<void> {
    const { req, target } = call;
    const length = bodyLength(req);
    if (!call.hooks?.pre.length) {
      const { url, path } = target;
      // For other calls Docker has nothing to upgrade to except HTTP/2 (h2c), in which no hook could see a call.
      const headers = isHijack(method(req), path)
        ? req.rawHeaders
        : withoutHeaders(req.rawHeaders, ...HOP_BY_HOP);
      await tunnel({ method: method(req), url, headers, head, bodyLength: length }, socket);
      return;
    }
    socket.on('error', () => socket.destroy());
    const { endpoint } = call.hooks;
    await hooked(call, socket, async () => {
      askForBody(req, socket);
      const framing = length === undefined ? chunkedBody : fixedBody(length);
      return readRawBody(socket, head, { framing, limit: hookBody, what: `the body of ${endpoint}` });
    });
  }

  async function plain(call: HijackCall): Promise<void> {
    const { req } = call;
    // Without a body the connection has to be taken over immediately, before Node reads the stream as the next request.
    const early = hasBody(req) ? undefined : takeOverSocket(req);
    if (!early) askForBody(req, req.socket);
    const body = early
      ? Buffer.alloc(0)
      : await readBody(req, hookBody, `the body of ${req.method} ${call.target.path}`);
    const socket = early ?? takeOverSocket(req);
    socket.on('error', () => socket.destroy());
    await hooked(call, socket, async () => ({ taken: body, rest: Buffer.alloc(0) }));
  }

  /** Answers on the socket, whatever happens. */
  async function hooked(
    call: HijackCall,
    socket: Duplex,
    take: () => Promise<{ taken: Buffer; rest: Buffer }>,
  ): Promise<void> {
    const hookRun = chains.begin(call.context);
    try {
      const { taken, rest } = await take();
      await run(call, socket, { taken, rest, hookRun });
    } catch (error) {
      await hookRun.unwind(failureReason(error, call.context.signal.aborted));
      call.context.status = statusOf(error);
      respondWithError(socket, error);
    }
  }

  async function run(
    call: HijackCall,
    socket: Duplex,
    { taken, rest, hookRun }: { taken: Buffer; rest: Buffer; hookRun: HookRun },
  ): Promise<void> {
    const { req, target, hooks, context } = call;
    const hasJson =
      hooks !== undefined && taken.length > 0 && isVisible(method(req), context, req.headers['content-type']);
    const sent = hasJson ? canonicalBody(method(req), target.path, taken) : taken;
    const text = hasJson ? sent.toString() : null;
    const before = { method: method(req), url: target.url, headers: req.rawHeaders, body: text };
    const { request, response } = await hookRun.pre(hooks?.pre ?? [], before);
    if (response) {
      context.status = response.status;
      respond(socket, { ...response, body: response.body ?? '' });
      return;
    }
    const body = text === null || request.body === text ? sent : Buffer.from(request.body ?? '');
    const headers = withoutHeaders(request.headers, 'content-length', 'transfer-encoding', 'expect');
    if (body.length > 0) headers.push('Content-Length', String(body.length));
    const head = Buffer.concat([body, rest]);
    const line = { method: request.method, url: request.url };
    const askedAt = performance.now();
    const status = await tunnel({ ...line, headers, head, bodyLength: body.length }, socket);
    if (status !== undefined) {
      context.docker = { status, ms: Math.round(performance.now() - askedAt) };
      context.status = status;
    }
    if (status === undefined || status >= 400) {
      const gone = context.signal.aborted;
      await hookRun.unwind(gone ? failureReason(undefined, true) : { ...DOCKER_FAILED, Code: status });
    }
  }

  return { upgraded, plain };
}

function method(req: IncomingMessage): string {
  return req.method ?? 'GET';
}

/** Undefined when only the chunks tell the length. */
function bodyLength({ headers }: IncomingMessage): number | undefined {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined;
}
