import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyTooLarge, hasBody, readBody, readOrPutBack } from '../http/read-body.js';
import { waitsToGoOn } from '../http/expect.js';
import { watchHalfClosed } from '../client/watch-half-closed.js';
import { forward, type OutgoingCall } from '../upstream/forward.js';
import { HOP_BY_HOP, hasHeader, isJson, withoutHeaders } from '../http/headers.js';
import { isVisible } from './body-visibility.js';
import { HookRefusal, type Chains, type HookRun } from '../hooks/chain.js';
import type { LeaveNothing } from './leave-nothing.js';
import { DOCKER_FAILED, failureReason } from '../hooks/reason.js';
import type { CallContext, HookedRequest, HookedResponse } from '../hooks/hook.js';
import { canonicalBody } from '../../docker-api/canonical-body.js';
import type { Hooks } from '../config/match.js';
import { isBodiless, relay } from './relay.js';
import { omitAutomaticHeaders } from '../http/node-internals.js';
import { refuse } from '../http/refusal.js';
import { isStream } from '../../docker-api/call-kinds.js';
import type { Target } from '../../docker-api/target.js';
import type { Upstream } from '../upstream/upstream.js';

export interface HookedCall {
  req: IncomingMessage;
  res: ServerResponse;
  target: Target;
  hooks: Hooks;
  context: CallContext;
}

/**
 * A call with hooks: pre-hooks, Docker, post-hooks. Only JSON bodies are held for the hooks, up to `hookBody` bytes;
 * all others stream past them. A larger one is refused, or passes by hooks that can all be spared. When the call fails
 * after a hook ran, the client is answered once the hooks have been told.
 */
export function createHookedCall(parts: {
  upstream: Upstream;
  chains: Chains;
  leaveNothing: LeaveNothing;
  hookBody: number;
}) {
  const { upstream, chains, leaveNothing, hookBody } = parts;

  /** A hook has said no. @param body of Docker's answer, if it has come that far */
  function refused({ req, target, context }: HookedCall, body?: Buffer): Promise<void> {
    const { id, docker } = context;
    const answer = docker && { status: docker.status, body: body?.toString() };
    return leaveNothing({ id, method: req.method ?? 'GET', path: target.path, answer });
  }

  async function run(call: HookedCall, hookRun: HookRun): Promise<void> {
    const { req, res, target, hooks, context } = call;
    const method = req.method ?? 'GET';
    const sent = await readJson(call, hookRun);
    if (sent === 'too large') {
      await passUnseen(call);
      return;
    }
    const before: HookedRequest = {
      method,
      url: target.url,
      headers: req.rawHeaders,
      body: sent?.toString() ?? null,
    };
    const { request, response: answer } = await hookRun.pre(hooks.pre, before);
    if (answer) {
      req.resume();
      if (answer.status >= 400) await refused(call);
      reply(req, res, answer);
      return;
    }
    const response = await ask(context, outgoing(req, sent, before, request), {
      onContinue: () => res.writeContinue(),
    });
    const status = response.statusCode ?? 502;
    // Nobody waits for the end of a stream, so hooks could never run on all of it.
    const post = isStream(method, target.path) ? [] : hooks.post;
    const send = await answered(response, { call, post, request, hookRun });
    if (status >= 400) await hookRun.unwind({ ...DOCKER_FAILED, Code: status }, 'pre-hook');
    context.signal.throwIfAborted();
    send();
  }

  /** The body as Docker would read it; undefined for anything but JSON. One that passes by the hooks has not been read. */
  async function readJson(call: HookedCall, hookRun: HookRun): Promise<Buffer | 'too large' | undefined> {
    const { req, res, target, hooks, context } = call;
    const method = req.method ?? 'GET';
    if (!hasBody(req) || !isVisible(method, context, req.headers['content-type'])) return undefined;
    if (req.headers.expect !== undefined) res.writeContinue();
    const what = `the body of ${context.endpoint}`;
    const body = await readFor([...hooks.pre, ...hooks.post], req, what);
    if (body) return canonicalBody(method, target.path, body);
    const reason = bodyTooLarge(what, hookBody).message;
    hookRun.skip(hooks.pre, 'pre-hook', reason);
    hookRun.skip(hooks.post, 'post-hook', reason);
    return 'too large';
  }

  /**
   * The body of a message for these hooks; undefined when it is too large and they can be spared: then it can be read as
   * if nobody had.
   *
   * @throws Refusal 413 when it is too large and one of them cannot be spared
   */
  function readFor(names: string[], message: IncomingMessage, what: string): Promise<Buffer | undefined> {
    return chains.canSpare(names) ? readOrPutBack(message, hookBody) : readBody(message, hookBody, what);
  }

  /** The call as it was sent, and the answer as it comes. */
  async function passUnseen({ req, res, target, context }: HookedCall): Promise<void> {
    // The client has been told to go on already.
    const headers = withoutHeaders(req.rawHeaders, ...HOP_BY_HOP, 'expect');
    const line = { method: req.method ?? 'GET', url: target.url };
    const response = await ask(context, { ...line, headers, body: req });
    relay(response, req, res);
  }

  /** @param options see {@link forward} */
  async function ask(
    context: CallContext,
    call: OutgoingCall,
    options: { onContinue?: () => void } = {},
  ): Promise<IncomingMessage> {
    const askedAt = performance.now();
    const response = await forward(upstream, call, { signal: context.signal, ...options });
    const ms = Math.round(performance.now() - askedAt);
    context.docker = { status: response.statusCode ?? 502, ms };
    return response;
  }

  /** Runs the post-hooks and returns the function that sends the answer. */
  async function answered(
    response: IncomingMessage,
    parts: { call: HookedCall; post: string[]; request: HookedRequest; hookRun: HookRun },
  ): Promise<() => void> {
    const { call, post, request, hookRun } = parts;
    const { req, res, context } = call;
    if (post.length === 0) return () => relay(response, req, res);
    // When they fail, nobody reads what Docker sends, and its connection would wait forever.
    const discard = (error: unknown): never => {
      response.destroy();
      throw error;
    };
    const status = response.statusCode ?? 502;
    const hasJson = isJson(response.headers['content-type']) && !hasNoBody(req, status);
    const what = `Docker's answer to ${context.endpoint}`;
    const received = hasJson ? await readFor(post, response, what).catch(discard) : undefined;
    if (hasJson && !received) {
      hookRun.skip(post, 'post-hook', bodyTooLarge(what, hookBody).message);
      return () => relay(response, req, res);
    }
    const before: HookedResponse = {
      status,
      headers: response.rawHeaders,
      body: received?.toString() ?? null,
    };
    const after = await hookRun.post(post, request, before).catch(async (error: unknown) => {
      if (error instanceof HookRefusal) await refused(call, received);
      return discard(error);
    });
    const body = replyBody(after, before, received);
    const streams = body === undefined && (!hasNoBody(req, after.status) || hasNoBody(req, status));
    return () => {
      if (streams) relay(response, req, res, after);
      else {
        response.resume();
        reply(req, res, { ...after, body: body ?? null });
      }
    };
  }

  return async (call: HookedCall): Promise<void> => {
    const { req, res, context } = call;
    const hookRun = chains.begin(context);
    // Hooks are not asked for clients that have left.
    res.once('close', watchHalfClosed(req.socket));
    try {
      await run(call, hookRun);
    } catch (error) {
      const left = context.signal.aborted;
      if (left) res.destroy();
      // First, as Docker does it: hooks that are told find what is left.
      else if (error instanceof HookRefusal && !context.docker) await refused(call);
      await hookRun.unwind(failureReason(error, left));
      if (!left) refuse(req, res, error);
    }
  };
}

/** The call as Docker gets it. A body that streams cannot be changed. */
function outgoing(
  req: IncomingMessage,
  sent: Buffer | undefined,
  before: HookedRequest,
  after: HookedRequest,
): OutgoingCall {
  const headers = withoutHeaders(after.headers, ...HOP_BY_HOP);
  const line = { method: after.method, url: after.url };
  const streams = sent === undefined && hasBody(req);
  if (streams || (sent === undefined && !after.body)) return { ...line, headers, body: req };
  const body = after.body === before.body && sent ? sent : Buffer.from(after.body ?? '');
  const framed = withoutHeaders(headers, 'content-length', 'transfer-encoding', 'trailer', 'expect');
  framed.push('Content-Length', String(body.length));
  if (!hasHeader(framed, 'content-type')) framed.push('Content-Type', 'application/json');
  return { ...line, headers: framed, body };
}

/**
 * The body to send; undefined when whatever Docker sends, if anything, goes to the client as it is. Bytes that no hook
 * changed stay as they are. A hook may add a body where Docker's answer had none.
 */
function replyBody(
  after: HookedResponse,
  before: HookedResponse,
  received?: Buffer,
): Buffer | string | undefined {
  if (received) return after.body === before.body ? received : (after.body ?? '');
  return after.body && isBodiless(before.status) ? after.body : undefined;
}

interface Whole {
  status: number;
  headers: string[];
  body: Buffer | string | null;
}

function reply(req: IncomingMessage, res: ServerResponse, { status, headers, body }: Whole): void {
  const head = withoutHeaders(headers, ...HOP_BY_HOP, 'content-length', 'transfer-encoding', 'trailer');
  const hasBody = body !== null && !hasNoBody(req, status);
  omitAutomaticHeaders(res);
  if (waitsToGoOn(req)) head.push('Connection', 'close');
  res.writeHead(status, hasBody ? [...head, 'Content-Length', String(Buffer.byteLength(body))] : head);
  res.end(hasBody ? body : undefined);
}

function hasNoBody(req: IncomingMessage, status: number): boolean {
  return req.method === 'HEAD' || isBodiless(status);
}
