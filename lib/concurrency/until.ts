import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds. */
  timeout: number;
  /** Milliseconds between two tries. */
  every?: number;
  /** Asked after each try that failed: throws when there is no use in going on. */
  giveUp?: () => void | Promise<void>;
}

/** Tries again until `attempt` does not throw. When time is up, its last error is thrown. */
export async function until<T>(
  attempt: () => Promise<T>,
  { timeout, every = 100, giveUp }: UntilOptions,
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await giveUp?.();
      if (Date.now() >= deadline) throw error;
    }
    await sleep(every);
  }
}
