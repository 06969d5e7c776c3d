import type { CallContext, Hook, Reply } from './hook.js';

/** Something that is asked before and after Docker, whatever the way to it. */
export interface HookAdapter {
  name: string;
  onFailure: 'fail' | 'ignore';
  /** Whether it wants to know that a call failed after its hook ran. */
  unwinds: boolean;
  /**
   * @throws AdapterRefusal when it says no; AdapterFailure when it does not answer, or nonsense; the reason of `signal` when
   *   that aborts
   */
  ask(hook: Hook, context: CallContext, signal: AbortSignal): Promise<Reply>;
  /** No hook is asked any more. Resolves when it has let go of everything; never rejects. */
  retire(): Promise<void>;
}

/** An adapter that is down or talks nonsense (502), or is slow (504). */
export class AdapterFailure extends Error {
  override readonly name = 'AdapterFailure';

  constructor(
    readonly status: 502 | 504,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** An adapter that says no. */
export class AdapterRefusal extends Error {
  override readonly name = 'AdapterRefusal';

  constructor(
    /** From 400 on: anything below would tell the client that the call went well, or went elsewhere. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Ends with the call, or when the adapter's time is over. */
export async function within<T>(
  timeout: number,
  signal: AbortSignal,
  work: (either: AbortSignal) => Promise<T>,
): Promise<T> {
  // By hand: `AbortSignal.any` and `AbortSignal.timeout` leave a timer and weak references behind for each hook.
  const either = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    either.abort();
  }, timeout).unref();
  const leave = (): void => either.abort(signal.reason);
  signal.addEventListener('abort', leave);
  try {
    signal.throwIfAborted();
    return await work(either.signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (late) throw new AdapterFailure(504, `no answer within ${timeout} ms`, { cause });
    throw cause;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}
