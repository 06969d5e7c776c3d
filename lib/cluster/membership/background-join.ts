import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { createBackground } from './background.js';

/** Tries to make this host a member while no command waits for it. */
export interface BackgroundJoin {
  readonly isRunning: boolean;
  /** Why the latest attempt failed. */
  readonly problem: string | undefined;
  /** Tries this until it succeeds, instead of what was tried before. */
  start(task: () => Promise<void>): void;
  cancel(): void;
}

/**
 * @param command runs a task when no other command runs
 * @param signal ends everything
 */
export function createBackgroundJoin(
  command: (task: () => Promise<void>) => Promise<void>,
  signal: AbortSignal,
  log: Log,
): BackgroundJoin {
  interface Run {
    cancelled: AbortController;
    problem?: string;
  }
  const now: { run?: Run } = {};

  function cancel(): void {
    now.run?.cancelled.abort();
    now.run = undefined;
  }

  async function tryUntilDone(run: Run, task: () => Promise<void>): Promise<void> {
    const ended = AbortSignal.any([run.cancelled.signal, signal]);
    // The command that ran before may have cancelled it.
    const attempt = () => command(async () => (ended.aborted ? undefined : task()));
    await createBackground(log, ended)('become a member of a cluster', attempt, (error) => {
      run.problem = messageOf(error);
    });
    if (now.run === run) now.run = undefined;
  }

  return {
    get isRunning() {
      return now.run !== undefined;
    },
    get problem() {
      return now.run?.problem;
    },
    start(task) {
      cancel();
      now.run = { cancelled: new AbortController() };
      void tryUntilDone(now.run, task);
    },
    cancel,
  };
}
