import pLimit from 'p-limit';
import { messageOf } from '../base/errors.js';
import { shortId } from '../base/short-id.js';
import type { Log } from '../base/log.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';

/** Containers settled side by side; more would only queue up in Docker. */
export const PARALLEL = 8;

export interface SettleQueueOptions {
  /** Makes a container's network what Docker's state of it asks for. */
  settle: (container: string) => Promise<unknown>;
  onFailure: () => void;
  /** What has not begun when this aborts is not begun. */
  signal: AbortSignal;
  log: Log;
}

/** Settles containers, as many at a time as Docker can bear. */
export interface SettleQueue {
  /**
   * Settles the container once there is room for it; what is asked for while it waits is one and the same. Never rejects.
   * A container takes one place at most, so one that is slow leaves room for the others however often it is asked for.
   */
  settle(container: string): Promise<void>;
}

export function createSettleQueue({ settle, onFailure, signal, log }: SettleQueueOptions): SettleQueue {
  const limit = pLimit(PARALLEL);
  const lock = createKeyedLock();
  const waiting = new Map<string, Promise<void>>();
  /** What was last logged of a container that cannot be settled, so that it is logged once. */
  const problems = new Map<string, string>();

  async function attempt(container: string): Promise<void> {
    try {
      await settle(container);
      problems.delete(container);
    } catch (error) {
      onFailure();
      const problem = messageOf(error);
      if (problems.get(container) === problem) return;
      problems.set(container, problem);
      log.warn('container not settled', { container: shortId(container), error: problem });
    }
  }

  return {
    settle(container) {
      const before = waiting.get(container);
      if (before) return before;
      const turn = lock(container, () =>
        limit(async () => {
          waiting.delete(container);
          if (!signal.aborted) await attempt(container);
        }),
      );
      waiting.set(container, turn);
      return turn;
    },
  };
}
