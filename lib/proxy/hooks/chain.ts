import { messageOf } from '../../base/errors.js';
import { maskUrl } from '../../hook/mask.js';
import type { Reason } from '../../hook/v2.js';
import type { Log } from '../../base/log.js';
import { firstValue, isJson } from '../http/headers.js';
import { shapeOf } from '../../docker-api/bodies.js';
import { canonicalJson } from '../../json/canonical.js';
import { Refusal } from '../http/refusal.js';
import { parseTarget } from '../../docker-api/target.js';
import { AdapterFailure, AdapterRefusal, type HookAdapter } from './adapter.js';
import type {
  CallContext,
  Hook,
  HookedRequest,
  HookedResponse,
  HookObserver,
  HookResult,
  HookStep,
  HookType,
  Reply,
} from './hook.js';

/** The hooks of one call. */
export interface HookRun {
  /**
   * Each hook sees what the one before it returned. A `response` takes the place of Docker's.
   *
   * @throws HookRefusal when one refuses or fails
   */
  pre(names: string[], request: HookedRequest): Promise<Reply & { request: HookedRequest }>;
  /** @throws HookRefusal when one refuses or fails */
  post(names: string[], request: HookedRequest, response: HookedResponse): Promise<HookedResponse>;
  /**
   * Tells all hooks that ran, last first, that the call has failed; once told, they are forgotten. Never throws.
   *
   * @param only `pre-hook` tells the hooks before Docker only: those after it have seen its error themselves
   */
  unwind(reason: Reason, only?: 'pre-hook'): Promise<void>;
  /** Notes that hooks that can be spared are not asked about a body. */
  skip(names: string[], type: HookType, message: string): void;
}

export interface Chains {
  begin(context: CallContext): HookRun;
  /** Whether a call may go on without these adapters. */
  canSpare(names: string[]): boolean;
}

/** A call that an adapter ended: with its own status and text when it refused; 502 or 504 when it failed. */
export class HookRefusal extends Refusal {
  constructor(
    readonly adapter: string,
    status: number,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(status, `adapter ${adapter}: ${message}`, options);
  }
}

export interface ChainParts {
  adapters: Map<string, HookAdapter>;
  observer: HookObserver;
  log: Log;
}

/** A hook that has run, or may have, and what Docker got or would have got after it. */
interface Ran {
  adapter: HookAdapter;
  of: 'pre-hook' | 'post-hook';
  request: HookedRequest;
}

/** Unwinding goes on even if the client has left. */
const NEVER = new AbortController().signal;

/** Runs the hooks of a call one after the other, and undoes them. */
export function createChains({ adapters, observer, log }: ChainParts): Chains {
  /** Resolves to undefined when the adapter failed and is not needed. */
  async function ask(adapter: HookAdapter, hook: Hook, context: CallContext): Promise<Reply | undefined> {
    const { name } = adapter;
    const began = performance.now();
    let reply: Reply | undefined;
    const done = (result: HookResult, error?: unknown): void => {
      const ms = performance.now() - began;
      observer.hook(name, hook.type, result, ms / 1000);
      const message = error === undefined ? undefined : messageOf(error);
      const step: HookStep = {
        adapter: name,
        hook: hook.type,
        result,
        ms: Math.round(ms * 100) / 100,
        message,
      };
      context.steps.push(context.traced ? { ...step, detail: { hook, reply } } : step);
    };
    try {
      const signal = hook.type === 'unwind' ? NEVER : context.signal;
      reply = checked(await adapter.ask(hook, context, signal), hook, context);
      done('ok');
      return reply;
    } catch (cause) {
      if (cause instanceof AdapterRefusal) {
        done('refused', cause);
        throw new HookRefusal(name, cause.status, cause.message, { cause });
      }
      if (!(cause instanceof AdapterFailure)) {
        // A slow adapter shows up as clients that give up before its time is over.
        if (context.signal.aborted) done('left');
        throw cause;
      }
      const needed = hook.type !== 'unwind' && adapter.onFailure === 'fail';
      done(needed ? 'failed' : 'ignored', cause);
      if (needed) {
        const message = `${cause.message} (${context.endpoint}, ${hook.type})`;
        throw new HookRefusal(name, cause.status, message, { cause });
      }
      warnOfIgnored(name, hook.type, context, cause.message);
      return undefined;
    }
  }

  function warnOfIgnored(adapter: string, hook: HookType, context: CallContext, reason: string): void {
    const { id, endpoint } = context;
    log.warn('went on without an adapter', { id, endpoint, hook, adapter, reason });
  }

  function find(name: string): HookAdapter {
    const adapter = adapters.get(name);
    if (!adapter) throw new Refusal(500, `adapter ${name} is not defined`);
    return adapter;
  }

  function begin(context: CallContext): HookRun {
    let ran: Ran[] = [];

    /** However it ends, the hook may have done its work, unless it refused. */
    async function run(
      adapter: HookAdapter,
      hook: Exclude<Hook, { type: 'unwind' }>,
    ): Promise<Reply | undefined> {
      const entry: Ran = { adapter, of: hook.type, request: hook.request };
      ran.push(entry);
      try {
        const reply = await ask(adapter, hook, context);
        if (reply?.request) entry.request = reply.request;
        return reply;
      } catch (error) {
        if (error instanceof HookRefusal && error.cause instanceof AdapterRefusal) {
          ran = ran.filter((other) => other !== entry);
        }
        throw error;
      }
    }

    async function tell(entries: Ran[], reason: Reason): Promise<void> {
      for (const { adapter, of, request } of entries.toReversed()) {
        if (!adapter.unwinds) continue;
        await ask(adapter, { type: 'unwind', of, request, reason }, context).catch((error: unknown) =>
          log.warn('an adapter refused to unwind', {
            id: context.id,
            endpoint: context.endpoint,
            adapter: adapter.name,
            reason: messageOf(error),
          }),
        );
      }
    }

    function unwind(reason: Reason, only?: 'pre-hook'): Promise<void> {
      const entries = ran.filter(({ of }) => only === undefined || of === only);
      ran = [];
      return tell(entries, reason);
    }

    return {
      async pre(names, request) {
        let current = request;
        for (const name of names) {
          const adapter = find(name);
          const before = ran.length;
          const reply = await run(adapter, { type: 'pre-hook', request: current });
          if (reply?.response) {
            const { status } = reply.response;
            // The adapter that answered knows what it did.
            ran.splice(before);
            const message = 'answered in the place of Docker';
            await unwind({ By: 'adapter', Adapter: name, Code: status, Message: message });
            return { request: current, response: reply.response };
          }
          current = reply?.request ?? current;
        }
        return { request: current };
      },

      async post(names, request, response) {
        let current = response;
        for (const name of names) {
          const reply = await run(find(name), { type: 'post-hook', request, response: current });
          current = reply?.response ?? current;
        }
        return current;
      },

      unwind,

      skip(names, type, message) {
        for (const name of names) {
          observer.hook(name, type, 'ignored', 0);
          context.steps.push({ adapter: name, hook: type, result: 'ignored', ms: 0, message });
          warnOfIgnored(name, type, context, message);
        }
      },
    };
  }

  return { begin, canSpare: (names) => names.every((name) => find(name).onFailure === 'ignore') };
}

/**
 * What a pre-hook returned, rewritten so that everybody reads it the same way.
 *
 * @throws AdapterFailure when it is a different call, or has a body that can be read in two ways
 */
function checked(reply: Reply, hook: Hook, { path }: CallContext): Reply {
  const { request } = reply;
  if (hook.type !== 'pre-hook' || !request || request === hook.request) return reply;
  const { request: before } = hook;
  if (!isSameEndpoint(before, request)) {
    throw new AdapterFailure(
      502,
      `a pre-hook may change the query, not the endpoint: ` +
        `${before.method} ${maskUrl(before.url)} became ${request.method} ${maskUrl(request.url)}`,
    );
  }
  const { body } = request;
  const type = firstValue(request.headers, 'content-type');
  if (body === null || body === before.body || (type !== undefined && !isJson(type))) return reply;
  try {
    return { request: { ...request, body: canonicalJson(body, shapeOf(request.method, path)) } };
  } catch (cause) {
    throw new AdapterFailure(502, `the body that it returned: ${messageOf(cause)}`, { cause });
  }
}

type Line = Pick<HookedRequest, 'method' | 'url'>;

function isSameEndpoint(before: Line, after: Line): boolean {
  const [was, is] = [parseTarget(before.url), parseTarget(after.url)];
  return (
    before.method === after.method &&
    was.path === is.path &&
    was.version === is.version &&
    // It goes into the request line, so nothing in it may end the line or need escaping.
    /^\/[\x21-\x7e\x80-\xff]*$/.test(after.url)
  );
}
