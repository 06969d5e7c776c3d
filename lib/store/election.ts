import { createKeyedLock } from '../concurrency/keyed-lock.js';

/** Elects one host to do something for all of them. */
export interface Election {
  /**
   * Waits until this host leads for `name`, then runs the task. The task's signal aborts when `signal` does, or when this
   * host may no longer lead: the task must end then, and runs again once this host leads again. Resolves when the task has
   * ended by itself or `signal` has aborted; rejects when the task does.
   *
   * For a moment two hosts may each believe that they lead, so what the task writes must be conditional.
   */
  lead(name: string, signal: AbortSignal, task: (signal: AbortSignal) => Promise<void>): Promise<void>;
}

/** An election among the hosts in this process. There is only one, so it always leads. */
export function createMemoryElection(): Election {
  const lock = createKeyedLock();
  return {
    lead: (name, signal, task) =>
      lock(name, async () => {
        if (!signal.aborted) await task(signal);
      }),
  };
}
