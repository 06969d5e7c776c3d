import type { Caller, Reason } from '../../hook/v2.js';
import type { RawHeaders } from '../http/headers.js';

/** A call on its way through the hooks. */
export interface HookedRequest {
  method: string;
  url: string;
  headers: RawHeaders;
  /** JSON as text, null when there is none. */
  body: string | null;
}

/** Docker's answer on its way back through the hooks. */
export interface HookedResponse {
  status: number;
  headers: RawHeaders;
  /** JSON as text, null when there is none. */
  body: string | null;
}

/** What an adapter is asked or told. */
export type Hook =
  | { type: 'pre-hook'; request: HookedRequest }
  | { type: 'post-hook'; request: HookedRequest; response: HookedResponse }
  | { type: 'unwind'; of: 'pre-hook' | 'post-hook'; request: HookedRequest; reason: Reason };
export type HookType = Hook['type'];

/** What an adapter answered. After a pre-hook, a response takes the place of Docker's. */
export interface Reply {
  request?: HookedRequest;
  response?: HookedResponse;
}

/**
 * How a hook ended: it answered, it refused, it failed and the call did (`failed`) or did not (`ignored`) fail with it,
 * or the client `left` while it was being asked.
 */
export type HookResult = 'ok' | 'refused' | 'failed' | 'ignored' | 'left';

/** Is told about each hook that has ended. */
export interface HookObserver {
  hook(adapter: string, type: HookType, result: HookResult, seconds: number): void;
}

/** One hook of a call, as logs and traces report it. */
export interface HookStep {
  adapter: string;
  hook: HookType;
  result: HookResult;
  /** Milliseconds. */
  ms: number;
  /** Why it refused or failed. */
  message?: string;
  /** What it was asked and what it answered, if somebody is watching. */
  detail?: { hook: Hook; reply?: Reply };
}

/** What belongs to one call with hooks: its identity, its caller, and what has become of it so far. */
export interface CallContext {
  id: string;
  /** The patterns that the call matches. */
  endpoint: string;
  /** Decoded, without API version. */
  path: string;
  apiVersion: string | undefined;
  /** Undefined if no adapter wants to know. */
  caller: Caller | undefined;
  /** Aborts when the client leaves before it has its answer. */
  signal: AbortSignal;
  /** `performance.now()`. */
  startedAt: number;
  /** Grows while hooks run. */
  steps: HookStep[];
  /** What Docker answered, and how long that took in milliseconds. */
  docker?: { status: number; ms: number };
  /** The status that the client got, if Node's HTTP server does not know it. */
  status?: number;
  /** Whether somebody wants to see what the hooks changed. */
  traced: boolean;
}

/** A hook protocol: the documents that adapters get, and what their answers mean. */
export interface Protocol {
  version: 1 | 2;
  /** The JSON text for an adapter. */
  write(hook: Hook, context: CallContext): string;
  /** @throws Error that says what is wrong with the adapter's JSON text */
  read(text: string, hook: Hook): Reply;
}
