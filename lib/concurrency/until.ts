import { setTimeout as sleep } from 'node:timers/promises';

/** A look takes processor time from what it waits for: this many times as long is paused, at most so many milliseconds. */
const REST = 4;
const LONGEST_REST_MS = 10_000;

export interface UntilOptions {
  /** Milliseconds. */
  timeout: number;
  /** Milliseconds between two attempts; more where an attempt itself takes long. */
  every?: number;
  /** Called after each failed attempt; throws when there is no point in going on. */
  giveUp?: () => void | Promise<void>;
}

/** What an attempt throws when there is no point in another one; its cause is what the caller gets. */
export class Hopeless extends Error {
  constructor(readonly reason: unknown) {
    super('there is no point in another attempt', { cause: reason });
  }
}

/** Repeats `attempt` until it does not throw. When time is up, its last error is thrown. */
export async function until<T>(
  attempt: () => Promise<T>,
  { timeout, every = 100, giveUp }: UntilOptions,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const began = performance.now();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Hopeless) throw error.reason;
      await giveUp?.();
      if (performance.now() >= deadline) throw error;
    }
    await sleep(Math.max(every, Math.min(REST * (performance.now() - began), LONGEST_REST_MS)));
  }
}
