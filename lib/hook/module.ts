import type { PostHook, PostHookReply, PreHook, PreHookReply, Unwind } from './v2.js';

/*
 * The contract between the proxy and an adapter that runs in its process. Authors get it from lib/adapter, which
 * re-exports it; the proxy imports only this file.
 */

type Awaitable<T> = T | Promise<T>;
/** A reply in process may leave out the protocol version, as there is only one. */
export type InProcess<R> = R extends unknown
  ? Omit<R, 'PowerstripProtocolVersion'> & { PowerstripProtocolVersion?: 2 }
  : never;

/** What a hook gets besides its document. */
export interface HookContext {
  /** Aborts when nobody is waiting for the hook any longer: the client has left, or the adapter's time is up. */
  signal: AbortSignal;
}

/**
 * An adapter that runs in the proxy's process. Each hook gets its own copy of the document, which it may change and return
 * parts of; only what it returns counts, and returning nothing changes nothing. To refuse the call, throw {@link Refused};
 * anything else that is thrown counts as a failure (502, or ignored with `onFailure: ignore`).
 */
export interface Adapter {
  pre?(hook: PreHook, context: HookContext): Awaitable<InProcess<PreHookReply> | void>;
  post?(hook: PostHook, context: HookContext): Awaitable<InProcess<PostHookReply> | void>;
  unwind?(hook: Unwind, context: HookContext): Awaitable<void>;
  /**
   * Called when the configuration has changed or the proxy is stopping; no hook will be called after it. A proxy that
   * is stopping waits a few seconds for it.
   */
  close?(): Awaitable<void>;
}

/** What an adapter gets when it is created. */
export interface Setup {
  /** Its name in proxy.yml. */
  name: string;
  /** The adapter's `options` in proxy.yml, for it to validate; undefined when there are none. */
  options: unknown;
  /** The folder of proxy.yml, which relative paths in the options start from. */
  directory: string;
  /** Which of Docker's calls have its hooks, for example `POST /containers/{id}/update`. */
  calls: { pre: string[]; post: string[] };
  /** What happens to a call when the adapter fails. */
  onFailure: 'fail' | 'ignore';
  /** The proxy's log. */
  log: {
    error(message: string, fields?: object): void;
    warn(message: string, fields?: object): void;
    info(message: string, fields?: object): void;
    debug(message: string, fields?: object): void;
  };
}

/**
 * The default export of an adapter's module: the adapter, or a function that creates it. If that throws, the proxy does
 * not start.
 */
export type AdapterModule = Adapter | ((setup: Setup) => Awaitable<Adapter>);

/** The proxy and the adapter may each have their own copy of this file, so `instanceof` is not enough. */
const MARK = Symbol.for('socketplane.adapter.refused');

/** Thrown by a hook to refuse the call: the client gets `status`, and the message as one line. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly [MARK] = true;

  /** @param status 400 to 599 */
  constructor(
    message: string,
    readonly status = 403,
  ) {
    super(message);
    if (!(status >= 400 && status <= 599))
      throw new RangeError(`a refusal has a status of 400 to 599, not ${status}`);
  }
}

export function isRefused(error: unknown): error is Refused {
  return error instanceof Error && MARK in error;
}
