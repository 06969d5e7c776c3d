import pLimit from 'p-limit';
import { messageOf } from '../base/errors.js';
import { shortId } from '../base/short-id.js';
import type { Log } from '../base/log.js';
import { createKeyedLock } from '../concurrency/keyed-lock.js';

/** Containers settled in parallel; more would only queue up in Docker. */
export const PARALLEL = 8;

export interface SettleQueueOptions {
  /** Brings a container's network in line with Docker's state of the container. */
  settle: (container: string) => Promise<unknown>;
  onFailure: () => void;
  /** Once this aborts, no further container is settled. */
  signal: AbortSignal;
  log: Log;
}

/** Settles containers, as many at a time as Docker can handle. */
export interface SettleQueue {
  /**
   * Settles the container once there is room for it; calls made while it waits share that one run. Never rejects. A container
   * takes one place at most, so a slow one leaves room for the others however often it is requested.
   */
  settle(container: string): Promise<void>;
  /** Resolves when no container is being settled. */
  idle(): Promise<void>;
}

export function createSettleQueue({ settle, onFailure, signal, log }: SettleQueueOptions): SettleQueue {
  const limit = pLimit(PARALLEL);
  const lock = createKeyedLock();
  const waiting = new Map<string, Promise<void>>();
  const underWay = new Set<Promise<void>>();
  /** The last problem logged for each container that cannot be settled, so that it is logged only once. */
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
      underWay.add(turn);
      void turn.finally(() => underWay.delete(turn));
      return turn;
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
