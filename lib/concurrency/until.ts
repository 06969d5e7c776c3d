import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds. */
  timeout: number;
  /** Milliseconds between two attempts. */
  every?: number;
  /** Called after each failed attempt; throws when there is no point in going on. */
  giveUp?: () => void | Promise<void>;
}

/** Repeats `attempt` until it does not throw. When time is up, its last error is thrown. */
export async function until<T>(
  attempt: () => Promise<T>,
  { timeout, every = 100, giveUp }: UntilOptions,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await giveUp?.();
      if (performance.now() >= deadline) throw error;
    }
    await sleep(every);
  }
}
