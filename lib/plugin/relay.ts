import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../base/errors.js';
import { pause } from '../concurrency/pause.js';
import { isListening } from '../os/listen-unix.js';
import { askDriver, isAway, type DriverAnswer, type DriverCall } from './ask-driver.js';
import { TAKE_DOWN_CALLS } from './calls.js';
import type { LightLog } from './light-log.js';

/** Milliseconds. */
export interface RelayTimes {
  /**
   * How long calls wait for the agent, from when it was missed first: Docker makes some one after another when it starts, and its API is
   * closed until then.
   */
  wait: number;
  /** How long a call that takes something down may last. */
  takeDown: number;
  /** How long an agent that has a call may work on it. Docker itself would wait for ever. */
  answer: number;
}

export const RELAY_TIMES: RelayTimes = { wait: 30_000, takeDown: 2_000, answer: 120_000 };

/** How often it is tried whether the agent is there again, for all waiting calls together. */
const LOOK_MS = 100;
/** The same while none waits. */
const IDLE_LOOK_MS = 1_000;

const NOT_RUNNING = "SocketPlane's agent is not running: start it with `socketplane agent start`";

export interface RelayOptions {
  /** The agent's socket for the driver's calls. */
  driverSocket: string;
  log: LightLog;
  times?: RelayTimes;
}

/**
 * Makes a function that takes calls to the agent. Those that come while the agent is away, or whose connection breaks, are
 * made again: every call of a driver may be repeated without harm.
 */
export function createRelay({ driverSocket: socket, log, times = RELAY_TIMES }: RelayOptions) {
  /** When the agent was missed first, by the clock of `performance`. */
  let awaySince: number | undefined;
  let look: Promise<boolean> | undefined;

  /** Whether the agent is there at the next look. */
  function looksThere(): Promise<boolean> {
    look ??= pause(LOOK_MS)
      .then(() => isListening(socket))
      .finally(() => (look = undefined));
    return look;
  }

  async function returns(deadline: number, signal: AbortSignal): Promise<boolean> {
    while (performance.now() < deadline && !signal.aborted) if (await looksThere()) return true;
    return false;
  }

  function noteAway(): number {
    if (awaySince !== undefined) return awaySince;
    log.warn('the agent is away: calls wait for it');
    awaySince = performance.now();
    void untilThere(awaySince);
    return awaySince;
  }

  function noteThere(): void {
    if (awaySince === undefined) return;
    awaySince = undefined;
    log.info('the agent is there again');
  }

  /** Notes that the agent is there again, though no call may come while it is. */
  async function untilThere(since: number): Promise<void> {
    do await sleep(IDLE_LOOK_MS, undefined, { ref: false });
    while (awaySince === since && !(await isListening(socket)));
    if (awaySince === since) noteThere();
  }

  /**
   * The agent's answer.
   *
   * @param signal aborts when nobody waits for the answer any more
   * @throws AppError `unavailable` with the line for Docker's user; for a call that takes something down that means: go on without
   */
  return async function relay(call: DriverCall, signal: AbortSignal): Promise<DriverAnswer> {
    const takesDown = TAKE_DOWN_CALLS.has(call.path);
    let deadline = performance.now() + (takesDown ? times.takeDown : times.wait);
    for (;;) {
      const timeout = takesDown ? Math.max(1, deadline - performance.now()) : times.answer;
      try {
        const answer = await askDriver(call, { socket, timeout, signal });
        noteThere();
        return answer;
      } catch (cause) {
        const isGone = isAway(cause);
        if (isGone) deadline = Math.min(deadline, noteAway() + times.wait);
        const isFinal = cause instanceof AppError || (takesDown && isGone);
        if (!isFinal && (await returns(deadline, signal))) continue;
        const text = isGone
          ? NOT_RUNNING
          : `SocketPlane's agent did not answer (${messageOf(cause)}): see \`socketplane agent logs\``;
        throw new AppError('unavailable', text, { cause });
      }
    }
  };
}
