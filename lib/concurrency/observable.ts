import { isDeepStrictEqual } from 'node:util';

/** A value that changes, for code that only reads it. */
export interface Observable<T> {
  readonly value: T;
  /** Calls back with each new value from now on, until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void;
}

/** An {@link Observable}, for the code that sets it. */
export interface Cell<T> extends Observable<T> {
  /** Setting an equal value is no change, and no listener is called. */
  set(value: T): void;
}

export function createCell<T>(initial: T): Cell<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get value() {
      return value;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(next) {
      if (isDeepStrictEqual(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
  };
}
