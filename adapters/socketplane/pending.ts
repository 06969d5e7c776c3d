/** For how many calls something is kept; when more are in progress, the oldest are dropped. */
const MOST = 1_000;

/** What is kept between the hooks of a call, by its id. */
export interface Pending<T> {
  /**
   * Keeps it until somebody takes it: whoever does deals with it. When the call has ended already, because the client or the
   * proxy did not wait for the hook, it is dropped at once.
   */
  put(requestId: string, value: T): void;
  /** Returns it once. */
  take(requestId: string): T | undefined;
  /** The same for a call that has failed: what is put for it later is dropped. */
  end(requestId: string): T | undefined;
}

export interface PendingOptions<T> {
  /** Told of what nobody has taken. Never throws. @param why `late`: its call had failed before it was put */
  onDrop: (value: T, why: 'late' | 'forgotten') => void;
  /** How long the proxy may take to report the end of a call, in milliseconds; it may itself have ended. */
  patience: number;
}

export function createPending<T>({ onDrop, patience }: PendingOptions<T>): Pending<T> {
  const values = new Map<string, { value: T; timer: NodeJS.Timeout }>();
  const ended = new Set<string>();

  function take(requestId: string): T | undefined {
    const found = values.get(requestId);
    values.delete(requestId);
    clearTimeout(found?.timer);
    return found?.value;
  }

  function drop(requestId: string): void {
    const value = take(requestId);
    if (value !== undefined) onDrop(value, 'forgotten');
  }

  return {
    put(requestId, value) {
      if (ended.delete(requestId)) return onDrop(value, 'late');
      values.set(requestId, { value, timer: setTimeout(() => drop(requestId), patience).unref() });
      const [oldest] = values.keys();
      if (values.size > MOST && oldest !== undefined) drop(oldest);
    },
    take,
    end(requestId) {
      const value = take(requestId);
      if (value !== undefined) return value;
      ended.add(requestId);
      const [oldest] = ended;
      if (ended.size > MOST && oldest !== undefined) ended.delete(oldest);
      return undefined;
    },
  };
}
