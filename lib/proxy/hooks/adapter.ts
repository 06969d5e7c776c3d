import type { CallContext, Hook, Reply } from './hook.js';

/** Something that is asked before and after Docker, however it is reached. */
export interface HookAdapter {
  name: string;
  onFailure: 'fail' | 'ignore';
  /** Whether it wants to know that a call failed after its hook ran. */
  unwinds: boolean;
  /**
   * @throws AdapterRefusal when it refuses; AdapterFailure when it gives no answer or an invalid one; the reason of
   *   `signal` when that aborts
   */
  ask(hook: Hook, context: CallContext, signal: AbortSignal): Promise<Reply>;
  /** Call when no hook will be asked any longer. Resolves when it has let go of everything; never rejects. */
  retire(): Promise<void>;
}

/** An adapter that is down or gives an invalid answer (502), or is slow (504). */
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

/** An adapter that refuses. */
export class AdapterRefusal extends Error {
  override readonly name = 'AdapterRefusal';

  constructor(
    /** At least 400: anything below would tell the client that the call succeeded or was redirected. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Runs work that ends with the call, or when the adapter's time is up. */
export async function within<T>(
  timeout: number,
  signal: AbortSignal,
  work: (either: AbortSignal) => Promise<T>,
): Promise<T> {
  // Done by hand: `AbortSignal.any` and `AbortSignal.timeout` leave a timer and weak references behind for each hook.
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
