import type { IncomingMessage } from 'node:http';
import { maskUrl } from '../../../hook/mask.js';
import type { Caller } from '../../../hook/v2.js';
import type { RawHeaders } from '../../http/headers.js';
import { headerPairs } from '../../http/headers.js';
import type { CallContext, HookedRequest, HookedResponse, HookStep } from '../../hooks/hook.js';
import { changesOf, type TracedChange } from './changes.js';

/** A call with hooks, from its beginning to its end, without secrets. */
export interface Trace {
  /** When it ended, in ISO 8601. */
  time: string;
  /** As in the log. */
  id: string;
  endpoint: string;
  method: string;
  url: string;
  caller: Caller | null;
  hooks: TracedStep[];
  /** Null when Docker was not asked or did not answer. */
  docker: { status: number; ms: number } | null;
  /** The status that the client got; null when it left before that. */
  status: number | null;
  /** Milliseconds from the first to the last byte. */
  ms: number;
}

export interface TracedStep extends Omit<HookStep, 'detail'> {
  changes: TracedChange[];
}

export function traceOf(
  req: IncomingMessage,
  context: CallContext,
  { status, ms }: { status: number | undefined; ms: number },
): Trace {
  const { id, endpoint, caller, steps, docker, signal } = context;
  return {
    time: new Date().toISOString(),
    id,
    endpoint,
    method: req.method ?? '',
    url: maskUrl(req.url ?? ''),
    caller: caller ?? null,
    hooks: steps.map(({ detail, ...step }) => ({ ...step, changes: detail ? changesIn(detail) : [] })),
    docker: docker ?? null,
    status: signal.aborted ? null : (status ?? null),
    ms,
  };
}

function changesIn({ hook, reply }: NonNullable<HookStep['detail']>): TracedChange[] {
  const changes: TracedChange[] = [];
  if (hook.type === 'pre-hook' && reply?.request) {
    changes.push(...changesOf(requestView(hook.request), requestView(reply.request)));
  }
  if (hook.type === 'post-hook' && reply?.response) {
    changes.push(...changesOf(responseView(hook.response), responseView(reply.response)));
  }
  if (hook.type === 'pre-hook' && reply?.response) {
    changes.push(...changesOf({}, { ServerResponse: responseView(reply.response) }));
  }
  return changes;
}

function requestView({ url, headers, body }: HookedRequest): unknown {
  return { Request: url, Headers: byName(headers), Body: parsed(body) };
}

function responseView({ status, headers, body }: HookedResponse): unknown {
  return { Code: status, Headers: byName(headers), Body: parsed(body) };
}

function byName(headers: RawHeaders): Record<string, string> {
  return Object.fromEntries([...headerPairs(headers)].map(([name, value]) => [name.toLowerCase(), value]));
}

function parsed(body: string | null): unknown {
  if (body === null) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}
