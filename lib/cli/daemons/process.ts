import { hasCode, AppError } from '../../base/errors.js';
import { succeeds } from '../../base/succeeds.js';
import { startDetached } from '../../os/detached.js';
import { until } from '../../concurrency/until.js';
import { READY_MS, telling } from './ready.js';
import { findProcess, isProgram, removeStalePidFile } from '../../os/pid-file.js';

/** No more often than this: each time, the agent asks Docker and Open vSwitch. */
const LOOK_MS = 200;
/** The proxy gives calls in progress five seconds to end. */
const STOP_MS = 10_000;
const KILL_MS = 5_000;

/** One of the daemons, run as a process of its own where no init supervises it. */
export interface DaemonOptions {
  /** What messages call it: `plugin`, `agent` or `proxy`. */
  name: string;
  /** Name of its program. */
  program: string;
  argv: readonly [string, ...string[]];
  pidFile: string;
  log: string;
  env: NodeJS.ProcessEnv;
  /** Throws while it does not serve, saying why. */
  ready: () => Promise<unknown>;
  /** Told what is waited for when that takes long. */
  tell: (line: string) => void;
  /** Milliseconds until it must be ready, if it lives. */
  startMs?: number;
  /** Milliseconds until it must have stopped, before it is killed. */
  stopMs?: number;
}

export interface Daemon {
  readonly name: string;
  readonly pidFile: string;
  readonly log: string;
  ready(): Promise<unknown>;
  pid(): Promise<number | undefined>;
  /** Returns whether it had to be started. May be repeated. */
  start(): Promise<boolean>;
  /** Returns whether it was running. May be repeated. */
  stop(): Promise<boolean>;
}

export function createDaemon(options: DaemonOptions): Daemon {
  const {
    name,
    program,
    argv,
    pidFile,
    log,
    env,
    ready,
    tell,
    startMs = READY_MS,
    stopMs = STOP_MS,
  } = options;
  const isOurs = isProgram(program);
  const pid = () => findProcess(pidFile, isOurs);
  const isReady = () => succeeds(ready());

  /** A `stop` that follows at once needs the pid file, which is written just after the socket appears. */
  async function serves(): Promise<void> {
    await ready();
    if ((await pid()) === undefined) throw new Error(`${pidFile} does not name it`);
  }

  async function waitReady(): Promise<void> {
    const giveUp = async () => {
      if ((await pid()) === undefined) throw new Error('it has ended');
    };
    try {
      await until(telling(name, ready, tell), { timeout: startMs, every: LOOK_MS, giveUp });
    } catch (cause) {
      throw notReady(cause);
    }
  }

  function notReady(cause: unknown): AppError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new AppError('unavailable', `the ${name} is running, but not ready: ${reason} (log: ${log})`, {
      cause,
    });
  }

  function send(to: number, signal: NodeJS.Signals): void {
    try {
      process.kill(to, signal);
    } catch (cause) {
      if (hasCode(cause, 'ESRCH')) return;
      throw new AppError('internal', `cannot stop the ${name} (process ${to}): become root`, { cause });
    }
  }

  const gone = async () => {
    const left = await pid();
    if (left !== undefined) throw new Error(`process ${left} is still there`);
  };

  return {
    name,
    pidFile,
    log,
    ready,
    pid,
    async start() {
      if ((await pid()) !== undefined) {
        await waitReady();
        return false;
      }
      // It may have been started in the foreground elsewhere; a second one must not join it.
      if (await isReady()) return false;
      await removeStalePidFile(pidFile, isOurs);
      await startDetached({
        name: `the ${name}`,
        argv,
        log,
        env,
        ready: telling(name, serves, tell),
        timeout: startMs,
        every: LOOK_MS,
      });
      return true;
    },
    async stop() {
      const running = await pid();
      if (running === undefined) {
        await removeStalePidFile(pidFile, isOurs);
        if (!(await isReady())) return false;
        throw new AppError(
          'conflict',
          `the ${name} is running, but ${pidFile} does not name it: stop it where it was started`,
        );
      }
      send(running, 'SIGTERM');
      try {
        await until(gone, { timeout: stopMs });
      } catch {
        if ((await pid()) === running) send(running, 'SIGKILL');
        await until(gone, { timeout: KILL_MS });
      }
      await removeStalePidFile(pidFile, isOurs);
      return true;
    },
  };
}
