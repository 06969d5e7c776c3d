import { createKeyedLock } from '../concurrency/keyed-lock.js';

/** One of all hosts does something. */
export interface Election {
  /**
   * Waits to be the one for `name`, then runs the task. Its signal aborts when `signal` does, or when this host may no
   * longer be the one: the task must end then, and is run anew when this host is the one again. Resolves when the task
   * has ended by itself or `signal` has aborted; rejects when the task does.
   *
   * For some moments two hosts may each take themselves for the one: what the task writes must be conditional.
   */
  lead(name: string, signal: AbortSignal, task: (signal: AbortSignal) => Promise<void>): Promise<void>;
}

/** Between hosts that are in this process: the only one there is always leads. */
export function createMemoryElection(): Election {
  const lock = createKeyedLock();
  return {
    lead: (name, signal, task) =>
      lock(name, async () => {
        if (!signal.aborted) await task(signal);
      }),
  };
}
