/**
 * What authors of adapters write against: `import { … } from 'socketplane/adapter'`. The documents are those of hook
 * protocol 2, the same over HTTP and in process.
 */
import type { ClientRequest, PostHook, PostHookReply, PreHook, PreHookReply, Unwind } from '../hook/v2.js';
import { parseTarget } from '../docker-api/target.js';

export { isSecretName, MASK, mask } from '../hook/mask.js';
export type * from '../hook/v2.js';

type Awaitable<T> = T | Promise<T>;
/** In process the version may be left out, as there is no other. */
type InProcess<R> = R extends unknown
  ? Omit<R, 'PowerstripProtocolVersion'> & { PowerstripProtocolVersion?: 2 }
  : never;

/** What a hook of an adapter in process gets beside its document. */
export interface HookContext {
  /** Aborts when nobody waits any more: the client has left, or the adapter's time is over. */
  signal: AbortSignal;
}

/**
 * An adapter that runs in the proxy's process. Each hook has a document of its own, which it may change and return parts
 * of; only what it returns counts, and nothing returned means nothing changed. To say no, throw {@link Refused};
 * anything else that is thrown counts as a failure (502, or ignored with `onFailure: ignore`).
 */
export interface Adapter {
  pre?(hook: PreHook, context: HookContext): Awaitable<InProcess<PreHookReply> | void>;
  post?(hook: PostHook, context: HookContext): Awaitable<InProcess<PostHookReply> | void>;
  unwind?(hook: Unwind, context: HookContext): Awaitable<void>;
  /** The configuration has changed or the proxy stops; no hook is asked any more. A proxy that stops waits for it, some seconds. */
  close?(): Awaitable<void>;
}

/** What an adapter gets when it is made. */
export interface Setup {
  /** Its name in proxy.yml. */
  name: string;
  /** `options` of the adapter in proxy.yml, for it to validate; undefined when there are none. */
  options: unknown;
  /** The folder of proxy.yml: relative paths in options are meant from there. */
  directory: string;
  /** Which of Docker's calls its hooks are asked about, for one `POST /containers/{id}/update`. */
  calls: { pre: string[]; post: string[] };
  /** What a call does when the adapter fails. */
  onFailure: 'fail' | 'ignore';
  /** The proxy's log. */
  log: {
    error(message: string, fields?: object): void;
    warn(message: string, fields?: object): void;
    info(message: string, fields?: object): void;
    debug(message: string, fields?: object): void;
  };
}

/** The default export of a module that is an adapter: the adapter, or a function that makes it; what it throws stops the start. */
export type AdapterModule = Adapter | ((setup: Setup) => Awaitable<Adapter>);

/** Lends its types to an adapter: `export default defineAdapter({ pre(hook) { … } })`. */
export function defineAdapter<T extends AdapterModule>(adapter: T): T {
  return adapter;
}

/** The path of a call as proxy.yml's patterns see it: decoded, without API version and query. */
export function pathOf({ Request }: Pick<ClientRequest, 'Request'>): string {
  return parseTarget(Request).path;
}

/** The parameters of a call, all that Docker may read: to it `#` begins no fragment, and a second `?` is part of a name. */
export function parametersOf({ Request }: Pick<ClientRequest, 'Request'>): URLSearchParams {
  const [, query = ''] = /\?([^]*)$/.exec(Request) ?? [];
  // Of what it is given one `?` is cut off.
  return new URLSearchParams(`?${query}`);
}

/** The proxy may have another copy of this file than the adapter. */
const MARK = Symbol.for('socketplane.adapter.refused');

/** Thrown by a hook to refuse the call: the client gets `status` and, as one line, the message. */
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
