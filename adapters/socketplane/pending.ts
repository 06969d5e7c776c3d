/** For how many calls something is kept. If more are in progress, or the proxy never reported their end, the oldest are dropped. */
const MOST = 1_000;

/** What is kept between the hooks of a call, by its id. */
export interface Pending<T> {
  put(requestId: string, value: T): void;
  /** Returns it once: whoever takes it deals with it. */
  take(requestId: string): T | undefined;
}

/** @param onDrop told of what nobody has taken */
export function createPending<T>(onDrop: (value: T) => void): Pending<T> {
  const values = new Map<string, T>();

  function take(requestId: string): T | undefined {
    const value = values.get(requestId);
    values.delete(requestId);
    return value;
  }

  return {
    put(requestId, value) {
      values.set(requestId, value);
      const [oldest] = values.keys();
      if (values.size <= MOST || oldest === undefined) return;
      const dropped = take(oldest);
      if (dropped !== undefined) onDrop(dropped);
    },
    take,
  };
}
