import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientRequest, ServerResponse as HookResponse } from '../hook/v1.js';
import { hasBody, readBody } from './body.js';
import type { CallContext, Chains } from './chain.js';
import { forward, type OutgoingCall } from './forward.js';
import { HOP_BY_HOP, hasHeader, isForm, isJson, withoutHeaders, type RawHeaders } from './headers.js';
import { canonicalBody } from './json/canonical.js';
import type { Hooks } from './match.js';
import { addNothing, relay } from './relay.js';
import { Refusal, refuse } from './refusal.js';
import { isStream } from './routes.js';
import type { Target } from './target.js';
import type { Upstream } from './upstream.js';

export interface HookedCall {
  req: IncomingMessage;
  res: ServerResponse;
  target: Target;
  hooks: Hooks;
  context: CallContext;
}

/** Statuses that never have a body. */
const EMPTY = [204, 304];

/**
 * A call with hooks: pre-hooks, Docker, post-hooks. Only JSON bodies are held for the hooks, up to `hookBody` bytes;
 * all others stream past them.
 */
export function createHookedCall(parts: { upstream: Upstream; chains: Chains; hookBody: number }) {
  const { upstream, chains, hookBody } = parts;

  async function run({ req, res, target, hooks, context }: HookedCall): Promise<void> {
    const { signal, endpoint } = context;
    const method = req.method ?? 'GET';
    const sent = await readJson(req, res, { endpoint, target });
    const before: ClientRequest = { Method: method, Request: target.url, Body: sent?.toString() ?? null };
    const request = await chains.pre(hooks.pre, before, context);
    const response = await forward(upstream, outgoing(req, sent, before, request), {
      signal,
      onContinue: () => res.writeContinue(),
    });
    // Nobody waits for the end of a stream, so nobody could run hooks on it.
    const post = isStream(method, target.path) ? [] : hooks.post;
    if (post.length === 0) relay(response, req, res);
    else await answer(response, { req, res, post, request, context });
  }

  /** The body as Docker would read it; undefined for anything but JSON. */
  async function readJson(
    req: IncomingMessage,
    res: ServerResponse,
    { endpoint, target }: { endpoint: string; target: Target },
  ): Promise<Buffer | undefined> {
    if (!hasBody(req)) return undefined;
    const type = req.headers['content-type'];
    if (isForm(type)) {
      // dockerd would let it override the query, which is all that hooks see.
      throw new Refusal(400, `${endpoint} has hooks: parameters belong in the query, not in a form`);
    }
    if (!isJson(type)) return undefined;
    if (req.headers.expect !== undefined) res.writeContinue();
    const body = await readBody(req, hookBody, `the body of ${endpoint}`);
    return canonicalBody(req.method ?? 'GET', target.path, body);
  }

  async function answer(
    response: IncomingMessage,
    call: {
      req: IncomingMessage;
      res: ServerResponse;
      post: string[];
      request: ClientRequest;
      context: CallContext;
    },
  ): Promise<void> {
    const { req, res, post, request, context } = call;
    const type = response.headers['content-type'];
    const status = response.statusCode ?? 502;
    const hasJson = isJson(type) && !isBodiless(req, status);
    const received = hasJson
      ? await readBody(response, hookBody, `Docker's answer to ${context.endpoint}`)
      : undefined;
    const before: HookResponse = {
      ContentType: type ?? null,
      Body: received?.toString() ?? null,
      Code: status,
    };
    const after = await chains.post(post, request, before, context).catch((error: unknown) => {
      // Its body is not wanted any more; without this the connection to Docker would wait for a reader.
      response.destroy();
      throw error;
    });
    const headers = retyped(response.rawHeaders, before.ContentType, after.ContentType);
    const body = replyBody(after, before, received);
    const streams = body === undefined && (!isBodiless(req, after.Code) || isBodiless(req, status));
    if (streams) relay(response, req, res, { status: after.Code, headers });
    else {
      response.resume();
      reply(req, res, { status: after.Code, headers, body });
    }
  }

  return async (call: HookedCall): Promise<void> => {
    try {
      await run(call);
    } catch (error) {
      if (call.context.signal.aborted) call.res.destroy();
      else refuse(call.req, call.res, error);
    }
  };
}

/** The call as Docker gets it. A body that streams cannot be changed. */
function outgoing(
  req: IncomingMessage,
  sent: Buffer | undefined,
  before: ClientRequest,
  after: ClientRequest,
): OutgoingCall {
  const headers = withoutHeaders(req.rawHeaders, ...HOP_BY_HOP);
  const line = { method: after.Method, url: after.Request };
  const streams = sent === undefined && hasBody(req);
  if (streams || (sent === undefined && !after.Body)) return { ...line, headers, body: req };
  const body = after.Body === before.Body && sent ? sent : Buffer.from(after.Body ?? '');
  const framed = withoutHeaders(headers, 'content-length', 'transfer-encoding', 'trailer', 'expect');
  framed.push('Content-Length', String(body.length));
  if (!hasHeader(framed, 'content-type')) framed.push('Content-Type', 'application/json');
  return { ...line, headers: framed, body };
}

/**
 * Undefined: whatever Docker sends, if anything, goes to the client as it is. Bytes that no hook changed stay as they
 * are. A hook may answer for Docker where Docker's answer had no body.
 */
function replyBody(after: HookResponse, before: HookResponse, received?: Buffer): Buffer | undefined {
  if (received) return after.Body === before.Body ? received : Buffer.from(after.Body ?? '');
  return after.Body && EMPTY.includes(before.Code) ? Buffer.from(after.Body) : undefined;
}

function reply(
  req: IncomingMessage,
  res: ServerResponse,
  { status, headers, body }: { status: number; headers: RawHeaders; body?: Buffer },
): void {
  const head = withoutHeaders(headers, ...HOP_BY_HOP, 'content-length', 'transfer-encoding', 'trailer');
  const hasBody = body !== undefined && !isBodiless(req, status);
  addNothing(res);
  res.writeHead(status, hasBody ? [...head, 'Content-Length', String(body.length)] : head);
  res.end(hasBody ? body : undefined);
}

function retyped(headers: RawHeaders, before?: string | null, after?: string | null): RawHeaders {
  if (!after || after === before) return headers;
  return [...withoutHeaders(headers, 'content-type'), 'Content-Type', after];
}

function isBodiless(req: IncomingMessage, status: number): boolean {
  return req.method === 'HEAD' || EMPTY.includes(status);
}
