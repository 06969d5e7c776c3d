import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { pause } from '../../concurrency/pause.js';
import { raiseSessionPriority } from '../../os/cpu-priority.js';
import { startDetached } from '../../os/detached.js';
import { findProcess } from '../../os/pid-file.js';
import { writePrivateFile } from '../../os/private-file.js';
import type { ConsulFiles } from './config.js';

const READY_MS = 15_000;
const STOP_MS = 10_000;
const POLL_MS = 250;

/** This host's Consul as a process: it outlives the agent, and the next agent finds it by its pid file. */
export interface ConsulProcess {
  /** Its process id while it runs. After a crash the number may be any process's, so the command line must be Consul's. */
  find(): Promise<number | undefined>;
  /**
   * Starts it and waits until `ping` succeeds, or `signal` aborts.
   *
   * @throws AppError `unavailable` that says why it does not answer
   */
  start(ping: () => Promise<void>, signal?: AbortSignal): Promise<void>;
  /** SIGTERM, then SIGKILL; resolves when it has ended. Its data stays. */
  stop(): Promise<void>;
  /** Resolves when it has ended or `signal` aborts. */
  untilEnded(signal?: AbortSignal): Promise<void>;
}

export interface ConsulProcessOptions {
  files: ConsulFiles;
  /** Path of the program `consul`. @throws AppError that says how to install it */
  ensureConsul: () => Promise<string>;
  /** Milliseconds. */
  timeouts?: { ready: number; stop: number };
}

export function createConsulProcess({
  files,
  ensureConsul,
  timeouts = { ready: READY_MS, stop: STOP_MS },
}: ConsulProcessOptions): ConsulProcess {
  const configArgument = `-config-file=${files.config}`;
  const find = () => findProcess(files.pid, (argv) => argv.includes(configArgument));

  async function untilEnded(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted && (await find()) !== undefined) await pause(POLL_MS, signal);
  }

  return {
    find,
    untilEnded,
    async start(ping, signal) {
      const program = await ensureConsul();
      await mkdir(dirname(files.log), { recursive: true, mode: 0o700 });
      await mkdir(dirname(files.socket), { recursive: true });
      // The file would only grow with the messages of earlier starts.
      await rm(files.errors, { force: true });
      await startDetached({
        name: 'Consul',
        argv: [program, 'agent', configArgument],
        // Consul keeps its own log, of bounded size. Standard error gets only what it says before it can write to that.
        log: files.errors,
        discardOutput: true,
        async onSpawn(pid) {
          await writePrivateFile(files.pid, `${pid}\n`);
          // It has inherited this process's niceness, but its session needs a share of its own. A Consul leader that has
          // not heard from the others for a second steps down, and no container gets an address until there is a new
          // leader: it must not have to wait behind a hundred containers that start.
          await raiseSessionPriority(pid);
        },
        ready: async () => (signal?.aborted ? undefined : ping()),
        timeout: timeouts.ready,
      });
    },
    async stop() {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const pid = await find();
        if (pid === undefined) break;
        kill(pid, signal);
        await untilEnded(AbortSignal.timeout(timeouts.stop));
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
