import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { z } from 'zod';
import { messageOf, stackOf } from '../base/errors.js';
import { hookCall } from '../hook/hook-call.js';
import type { HookCall } from '../hook/v2.js';
import { isRefused, Refused, type Adapter } from '../hook/module.js';
import { readAll } from '../proxy/http/read-all.js';

/** A list of a few thousand containers, which a hook may be shown, takes tens of megabytes. */
const LIMIT = 64 * 2 ** 20;

export interface ListenerOptions {
  /** How many bytes a hook may have; 64 MiB when not set. */
  limit?: number;
  /** Is told what a hook threw, unless that is {@link Refused}. When not set, the stack goes to standard error. */
  onFailure?: (error: unknown) => void;
}

/**
 * Serves an adapter over HTTP, for a URL with `protocol: 2` in proxy.yml:
 * `createServer(requestListener(adapter)).listen(…)`, or as a route of any framework that has not read the body yet.
 * The adapter gets the same documents as in the proxy's process. One difference: anything that a hook throws, except
 * {@link Refused}, is answered with 500, which the proxy takes for a refusal, so `onFailure: ignore` has no effect on
 * it.
 */
export function requestListener(adapter: Adapter, options: ListenerOptions = {}): RequestListener {
  const { limit = LIMIT, onFailure = (error) => void process.stderr.write(`${stackOf(error)}\n`) } = options;
  return (request, response) => {
    const signal = untilClosed(response);
    readText(request, limit)
      .then((hook) => answer(adapter, hook, signal))
      .then(
        (text) => send(response, 200, text),
        (error: unknown) => {
          // Nobody is waiting for the answer any longer.
          if (signal.aborted) return;
          if (!isRefused(error)) onFailure(error);
          const status = isRefused(error) ? error.status : 500;
          send(response, status, JSON.stringify({ message: messageOf(error) }));
        },
      );
  };
}

/** @throws Refused when the text is not a hook of protocol 2, and whatever the adapter throws */
async function answer(adapter: Adapter, text: string, signal: AbortSignal): Promise<string> {
  const reply = await ask(adapter, parseHook(text), signal);
  return JSON.stringify({ PowerstripProtocolVersion: 2, ...reply });
}

async function ask(adapter: Adapter, hook: HookCall, signal: AbortSignal): Promise<object | void> {
  switch (hook.Type) {
    case 'pre-hook':
      return adapter.pre?.(hook, { signal });
    case 'post-hook':
      return adapter.post?.(hook, { signal });
    case 'unwind':
      return adapter.unwind?.(hook, { signal });
  }
}

const versioned = z.object({ PowerstripProtocolVersion: z.number() });

function parseHook(text: string): HookCall {
  const document = parseJson(text);
  const version = versioned.safeParse(document).data?.PowerstripProtocolVersion;
  if (version !== undefined && version !== 2)
    throw new Refused('it speaks hook protocol 2: add "protocol: 2" to its URL in proxy.yml', 400);
  const hook = hookCall.safeParse(document);
  if (hook.success) return hook.data;
  const [issue] = hook.error.issues;
  throw new Refused(
    `this is no hook of protocol 2: ${issue?.path.join('.') || 'document'}: ${issue?.message}`,
    400,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused('this is no hook of protocol 2: not JSON', 400);
  }
}

async function readText(request: IncomingMessage, limit: number): Promise<string> {
  if (request.method !== 'POST') throw new Refused('hooks are sent with POST', 405);
  const tooLarge = () => new Refused(`the hook is larger than ${limit} bytes`, 413);
  return (await readAll(request, limit, tooLarge)).toString();
}

/** Aborts when the connection closes before the answer has been sent. */
function untilClosed(response: ServerResponse): AbortSignal {
  const closed = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) closed.abort();
  });
  return closed.signal;
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}
