import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../base/errors.js';
import type { Node } from './services.js';

/** A change of nodes takes about a second; calls wait for it this long. */
const PATIENCE_MS = 4_000;

/** Holds the node in use, and callers while it changes. */
export interface Seat {
  /** The node in use. Waits a little while there is none, then throws `unavailable` with the reason. */
  node(): Promise<Node>;
  /** The node in use, if there is one now. */
  readonly current: Node | undefined;
  /** Nobody sits here for now; `reason` tells callers why, and what to do. It is asked when one has waited in vain. */
  vacate(reason: string | (() => string)): Promise<void>;
  take(node: Node): void;
}

/** @param patience milliseconds that a call waits */
export function createSeat(patience = PATIENCE_MS): Seat {
  let current: Node | undefined;
  let reason: string | (() => string) = 'the agent is starting: try again';
  let taken!: (node: Node) => void;
  let waiting = new Promise<Node>((resolve) => (taken = resolve));

  return {
    get current() {
      return current;
    },
    async node() {
      if (current) return current;
      const timer = new AbortController();
      const late = sleep(patience, undefined, { signal: timer.signal }).then(() => {
        throw new AppError('unavailable', typeof reason === 'string' ? reason : reason());
      });
      try {
        return await Promise.race([waiting, late]);
      } finally {
        timer.abort();
        late.catch(() => undefined);
      }
    },
    async vacate(why) {
      reason = why;
      const leaving = current;
      if (!leaving) return;
      current = undefined;
      waiting = new Promise((resolve) => (taken = resolve));
      await leaving.stop();
    },
    take(node) {
      current = node;
      taken(node);
    },
  };
}
