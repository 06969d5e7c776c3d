import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.js';

/** Replacing the value takes about a second; callers wait for it this long, in milliseconds. */
const PATIENCE_MS = 4_000;

/** Why there is no value and what to do about it; a function is called when a caller has waited in vain. */
export type AbsenceReason = string | (() => string);

/** A value that is replaced now and then, and that callers wait for in the meantime. */
export interface Current<T> {
  /** The value. While there is none, waits a moment, then rejects with `unavailable` and the reason. */
  get(): Promise<T>;
  /** The value, if there is one now. */
  readonly current: T | undefined;
  set(value: T): void;
  /** Removes the value and returns it, so that the caller can dispose of it. `reason` is what callers of `get` are told. */
  clear(reason: AbsenceReason): T | undefined;
}

/** @param patience milliseconds that {@link Current.get} waits */
export function createCurrent<T extends object>(reason: AbsenceReason, patience = PATIENCE_MS): Current<T> {
  let current: T | undefined;
  let wake!: (value: T) => void;
  let arrival = new Promise<T>((resolve) => (wake = resolve));

  return {
    get current() {
      return current;
    },
    async get() {
      if (current) return current;
      const timer = new AbortController();
      const late = sleep(patience, undefined, { signal: timer.signal }).then(() => {
        throw new AppError('unavailable', typeof reason === 'string' ? reason : reason());
      });
      try {
        return await Promise.race([arrival, late]);
      } finally {
        timer.abort();
        late.catch(() => undefined);
      }
    },
    set(value) {
      current = value;
      wake(value);
    },
    clear(why) {
      reason = why;
      const before = current;
      if (!before) return undefined;
      current = undefined;
      arrival = new Promise((resolve) => (wake = resolve));
      return before;
    },
  };
}
