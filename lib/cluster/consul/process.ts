import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { pause } from '../../concurrency/pause.js';
import { findProcess } from '../../os/pid-file.js';
import { consulArguments, type ConsulFiles } from './config.js';
import { consulStarter } from './choose-starter.js';
import type { ConsulStarter } from './starter.js';

/** It is given up sooner when it ends. */
const READY_MS = 300_000;
const STOP_MS = 10_000;
const POLL_MS = 250;

/** This host's Consul while it runs, whichever agent has started it. */
export interface RunningConsul {
  /** Its process id while it runs. After a crash the number may be any process's, so the command line must be Consul's. */
  find(): Promise<number | undefined>;
  /** SIGTERM, then SIGKILL; resolves when it has ended. Its data stays. */
  stop(): Promise<void>;
  /** Resolves when it has ended or `signal` aborts. */
  untilEnded(signal?: AbortSignal): Promise<void>;
}

/** This host's Consul as a process: it outlives the agent, and the next agent finds it by its pid file. */
export interface ConsulProcess extends RunningConsul {
  /**
   * Starts it and waits until `ping` succeeds, or `signal` aborts.
   *
   * @throws AppError `unavailable` that says why it does not answer
   */
  start(ping: () => Promise<void>, signal?: AbortSignal): Promise<void>;
}

export interface ConsulProcessOptions {
  files: ConsulFiles;
  /** Path of the program `consul`. @throws AppError that says how to install it */
  ensureConsul: () => Promise<string>;
  start?: ConsulStarter;
  /** Milliseconds. */
  timeouts?: { ready: number; stop: number };
}

export function createConsulProcess({
  files,
  ensureConsul,
  start = consulStarter(process.env),
  timeouts = { ready: READY_MS, stop: STOP_MS },
}: ConsulProcessOptions): ConsulProcess {
  return {
    ...consulThatRuns(files, timeouts.stop),
    async start(ping, signal) {
      const program = await ensureConsul();
      await mkdir(dirname(files.log), { recursive: true, mode: 0o700 });
      await mkdir(dirname(files.socket), { recursive: true });
      // The file would only grow with the messages of earlier starts.
      await rm(files.errors, { force: true });
      await start({ files, program, ready: ping, timeout: timeouts.ready, signal });
    },
  };
}

/** @param stopMs milliseconds that each of the two signals gives it */
export function consulThatRuns(files: ConsulFiles, stopMs = STOP_MS): RunningConsul {
  const [, argument] = consulArguments(files);
  const find = () => findProcess(files.pid, (argv) => argv.includes(argument));

  async function untilEnded(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted && (await find()) !== undefined) await pause(POLL_MS, signal);
  }

  return {
    find,
    untilEnded,
    async stop() {
      await rm(files.wanted, { force: true });
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const pid = await find();
        if (pid === undefined) break;
        kill(pid, signal);
        await untilEnded(AbortSignal.timeout(stopMs));
      }
      await rm(files.pid, { force: true });
    },
  };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It has ended in the meantime.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
