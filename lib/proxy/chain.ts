import { z } from 'zod';
import { messageOf } from '../errors.js';
import {
  clientRequest,
  serverResponse,
  type ClientRequest,
  type HookCall,
  type ServerResponse,
} from '../hook/v1.js';
import type { Log } from '../log.js';
import { AdapterFailure, type Adapter } from './adapter.js';
import type { HookResult, Metrics } from './metrics.js';
import { Refusal } from './refusal.js';
import { parseTarget } from './target.js';

const preReply = z.object({ PowerstripProtocolVersion: z.literal(1), ModifiedClientRequest: clientRequest });
const postReply = z.object({
  PowerstripProtocolVersion: z.literal(1),
  ModifiedServerResponse: serverResponse.extend({
    ContentType: z
      .string()
      .regex(/^[\t\x20-\x7e]*$/, 'expected the value of a header')
      .nullish(),
    Code: z.number().int().min(200).max(599),
  }),
});

/** Of one call: which it is, and when nobody waits for it any more. */
export interface CallContext {
  id: string;
  endpoint: string;
  signal: AbortSignal;
}

export interface Chains {
  /** Each hook sees what the one before it returned. */
  pre(names: string[], request: ClientRequest, context: CallContext): Promise<ClientRequest>;
  post(
    names: string[],
    request: ClientRequest,
    response: ServerResponse,
    context: CallContext,
  ): Promise<ServerResponse>;
}

/**
 * Runs the hooks of a call one after the other. Both functions throw a Refusal that names the adapter: with the
 * adapter's own status and text when it said no; 502 or 504 when it is down, slow or answers nonsense, unless its
 * `onFailure` says to go on without it.
 */
export function createChains({
  adapters,
  metrics,
  log,
}: {
  adapters: Map<string, Adapter>;
  metrics: Pick<Metrics, 'hook'>;
  log: Log;
}): Chains {
  async function ask<T>(
    name: string,
    call: HookCall,
    schema: z.ZodType<T>,
    context: CallContext,
  ): Promise<T | undefined> {
    const adapter = adapters.get(name);
    if (!adapter) throw new Refusal(500, `adapter ${name} is not defined`);
    const began = performance.now();
    const done = (result: HookResult) =>
      metrics.hook(name, call.Type, result, (performance.now() - began) / 1000);
    try {
      const { status, body } = await adapter.call(JSON.stringify(call), context.signal);
      if (status < 200 || status > 299) {
        done('refused');
        throw refusedBy(name, status, body);
      }
      const reply = parseReply(body, schema);
      done('ok');
      return reply;
    } catch (cause) {
      if (!(cause instanceof AdapterFailure)) throw cause;
      done(adapter.onFailure === 'fail' ? 'failed' : 'ignored');
      const { id, endpoint } = context;
      const where = `${endpoint}, ${call.Type}`;
      if (adapter.onFailure === 'fail') {
        throw new Refusal(cause.status, `adapter ${name}: ${cause.message} (${where})`, { cause });
      }
      log.warn('went on without an adapter', {
        id,
        endpoint,
        hook: call.Type,
        adapter: name,
        reason: cause.message,
      });
      return undefined;
    }
  }

  return {
    async pre(names, request, context) {
      let current = request;
      for (const name of names) {
        const call: HookCall = { PowerstripProtocolVersion: 1, Type: 'pre-hook', ClientRequest: current };
        const reply = await ask(name, call, preReply, context);
        if (!reply) continue;
        const { Method, Request, Body } = reply.ModifiedClientRequest;
        if (!isSameEndpoint(current, { Method, Request })) {
          throw new Refusal(
            502,
            `adapter ${name}: a pre-hook may change the query, not the endpoint: ` +
              `${current.Method} ${current.Request} became ${Method} ${Request}`,
          );
        }
        current = { Method, Request, Body: Body ?? current.Body };
      }
      return current;
    },

    async post(names, request, response, context) {
      let current = response;
      for (const name of names) {
        const call: HookCall = {
          PowerstripProtocolVersion: 1,
          Type: 'post-hook',
          ClientRequest: request,
          ServerResponse: current,
        };
        const reply = await ask(name, call, postReply, context);
        if (!reply) continue;
        const { ContentType, Body, Code } = reply.ModifiedServerResponse;
        current = { ContentType: ContentType ?? current.ContentType, Body: Body ?? current.Body, Code };
      }
      return current;
    },
  };
}

/** What the hook says is for the person at the client: its `message` when it is JSON, else its text. */
function refusedBy(name: string, status: number, body: string): Refusal {
  const text = messageIn(body) ?? body.trim();
  // Anything below 400 would tell the client that the call went well, or went elsewhere.
  return new Refusal(
    status < 400 ? 502 : status,
    `adapter ${name}: ${text || `refused with status ${status}`}`,
  );
}

function messageIn(body: string): string | undefined {
  try {
    const { message } = z.object({ message: z.string() }).parse(JSON.parse(body));
    return message.trim();
  } catch {
    return undefined;
  }
}

function parseReply<T>(body: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const what = issue ? `${issue.path.join('.')}: ${issue.message}` : messageOf(cause);
    throw new AdapterFailure(502, `its answer is not one of hook protocol 1: ${what}`, { cause });
  }
}

type Line = Pick<ClientRequest, 'Method' | 'Request'>;

function isSameEndpoint(before: Line, after: Line): boolean {
  const [was, is] = [parseTarget(before.Request), parseTarget(after.Request)];
  return (
    before.Method === after.Method &&
    was.path === is.path &&
    was.version === is.version &&
    // As it goes into the request line: nothing that ends it, nothing that needs escaping.
    /^\/[\x21-\x7e\x80-\xff]*$/.test(after.Request)
  );
}
