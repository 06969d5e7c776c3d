import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { pause } from './pause.js';

/** Milliseconds between the end of one run and the next. */
const PAUSE_MS = 2_000;

export interface KeepRunning {
  /** What the task does, for the log: `<what> failed, starting again`. */
  what: string;
  log: Log;
  /** Ends the loop. */
  signal: AbortSignal;
  /** Milliseconds between the end of one run and the next. */
  every?: number;
}

/**
 * Runs a task that is meant to run forever: when it ends or fails, it is started again after a pause. Resolves when `signal`
 * has aborted and the last run has ended; never rejects. A failure is logged unless the one before had the same reason.
 */
export async function keepRunning(
  task: (signal: AbortSignal) => Promise<void>,
  { what, log, signal, every = PAUSE_MS }: KeepRunning,
): Promise<void> {
  let reason: string | undefined;
  while (!signal.aborted) {
    try {
      await task(signal);
      reason = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const before = reason;
      reason = messageOf(error);
      if (reason !== before) log.error(`${what} failed, starting again`, { error: reason });
    }
    await pause(every, signal);
  }
}
