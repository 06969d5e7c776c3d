import { setTimeout as sleep } from 'node:timers/promises';

/** Generous: a condition that holds ends the wait at once, even on a busy machine. Shorter than mocha's limit for a case. */
const TIMEOUT_MS = 40_000;
/** Milliseconds between the first two looks; the pauses double up to the last, or to what keeps most of the time free. */
const FIRST_MS = 2;
const LAST_MS = 50;
/** A look that starts processes takes long itself, and that from what it waits for: this many times as long is paused, at most so long. */
const REST = 4;
const REST_MS = 500;

/** Anything but `void`: a condition that forgets to answer would never hold. */
type Answer = NonNullable<unknown> | null | undefined;
/** What must become true; if it throws, it is not true yet. */
type Condition = () => Answer | Promise<Answer>;

interface Limits {
  /** Milliseconds. */
  timeout?: number;
  /** Called after each look in vain; throws when there is no use in waiting any longer. */
  giveUp?: () => void | Promise<void>;
}

/** Waits for a condition instead of a time. Throws what it was waiting for, and why that did not hold at the last look. */
export function until(condition: Condition): Promise<void>;
export function until(
  what: string | (() => string),
  condition: Condition,
  limits?: number | Limits,
): Promise<void>;
export async function until(
  what: string | (() => string) | Condition,
  condition = what as Condition,
  limits: number | Limits = {},
): Promise<void> {
  const { timeout = TIMEOUT_MS, giveUp } = typeof limits === 'number' ? { timeout: limits } : limits;
  const began = performance.now();
  const inVain = (cause: unknown): Error => {
    const expected = typeof what === 'string' ? what : what === condition ? condition.toString() : what();
    const reason = cause instanceof Error ? `: ${cause.message}` : '';
    return new Error(`waited ${seconds(began)} in vain for ${expected as string}${reason}`, { cause });
  };
  for (let every = FIRST_MS; ; every = Math.min(2 * every, LAST_MS)) {
    let last: unknown;
    const looked = performance.now();
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    try {
      await giveUp?.();
    } catch (hopeless) {
      throw inVain(hopeless);
    }
    if (performance.now() - began >= timeout) throw inVain(last);
    const rest = Math.min(REST * (performance.now() - looked), REST_MS);
    await sleep(Math.max(every, rest));
  }
}

/** Seconds since then, by `performance.now()`, as text for people. */
export function seconds(since: number): string {
  return `${((performance.now() - since) / 1_000).toFixed(1)} s`;
}
