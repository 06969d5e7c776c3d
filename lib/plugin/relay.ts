import { AppError, messageOf } from '../base/errors.js';
import { pause } from '../concurrency/pause.js';
import { isListening } from '../os/listen-unix.js';
import { askDriver, isAway, type DriverAnswer, type DriverCall } from './ask-driver.js';
import { TAKE_DOWN_CALLS } from './calls.js';
import type { LightLog } from './light-log.js';

/** Milliseconds. */
export interface RelayTimes {
  /** How long a call waits for the agent, from when it came. */
  wait: number;
  /** How long a call that takes something down may last. */
  takeDown: number;
  /** How long an agent that has a call may work on it. Docker itself would wait for ever. */
  answer: number;
}

export const RELAY_TIMES: RelayTimes = { wait: 30_000, takeDown: 2_000, answer: 120_000 };

/** How often it is tried whether the agent is there again, for all waiting calls together. */
const LOOK_MS = 100;

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
  let away = false;
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

  function noteAway(is: boolean): void {
    if (is === away) return;
    away = is;
    if (is) log.warn('the agent is away: calls wait for it');
    else log.info('the agent is there again');
  }

  /**
   * The agent's answer.
   *
   * @param signal aborts when nobody waits for the answer any more
   * @throws AppError `unavailable` with the line for Docker's user; for a call that takes something down that means: go on without
   */
  return async function relay(call: DriverCall, signal: AbortSignal): Promise<DriverAnswer> {
    const takesDown = TAKE_DOWN_CALLS.has(call.path);
    const deadline = performance.now() + (takesDown ? times.takeDown : times.wait);
    for (;;) {
      const timeout = takesDown ? Math.max(1, deadline - performance.now()) : times.answer;
      try {
        const answer = await askDriver(call, { socket, timeout, signal });
        noteAway(false);
        return answer;
      } catch (cause) {
        const isGone = isAway(cause);
        if (isGone) noteAway(true);
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
