import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { raiseSessionPriority } from '../../os/cpu-priority.js';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import type { Run } from '../../os/exec.js';
import { ensureConsul } from '../../install/system/consul.js';
import { lastLine } from '../../os/detached.js';
import { until } from '../../concurrency/until.js';
import { which, withSystemFolders } from '../../os/which.js';
import type { Log } from '../../base/log.js';
import { writePrivateFile } from '../../os/private-file.js';
import type { ConsulFiles } from './config.js';

const READY_MS = 15_000;
const STOP_MS = 10_000;
const POLL_MS = 250;

/**
 * The process of this host's Consul. It is no child in the usual sense: it outlives this process, and the next one finds
 * it by its pid file.
 */
export interface ConsulProcess {
  /** Its id, if it runs: the number alone proves nothing after a crash, its arguments do. */
  find(): Promise<number | undefined>;
  /** Start and wait until it answers. @throws AppError that says why it does not, or how to install it */
  start(ping: () => Promise<void>): Promise<void>;
  /** SIGTERM, then SIGKILL; resolves when it is gone. Data stays. */
  stop(): Promise<void>;
  /** Resolves when it is gone or `signal` aborts. */
  gone(signal?: AbortSignal): Promise<void>;
}

export function createConsulProcess({
  files,
  run,
  log,
}: {
  files: ConsulFiles;
  run: Run;
  log: Log;
}): ConsulProcess {
  async function find(): Promise<number | undefined> {
    const pid = Number(await readFile(files.pid, 'utf8').catch(() => ''));
    if (!Number.isInteger(pid) || pid < 2) return undefined;
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return argv.includes(`-config-file=${files.config}`) ? pid : undefined;
  }

  async function gone(signal?: AbortSignal): Promise<void> {
    while (!signal?.aborted && (await find()) !== undefined) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    find,
    gone,
    async start(ping) {
      // Whoever makes a host a member wants Consul on it.
      const program = await ensureConsul({
        run,
        which: (command) => which(command, withSystemFolders(process.env['PATH'])),
        onFetch: () => log.info('Consul is not installed: fetching it'),
      });
      await mkdir(dirname(files.log), { recursive: true, mode: 0o700 });
      await mkdir(dirname(files.socket), { recursive: true });
      // Its log it writes by itself, bounded; only what it says before that comes here.
      const errors = await open(files.errors, 'w', 0o600);
      const child = spawn(program, ['agent', `-config-file=${files.config}`], {
        detached: true,
        stdio: ['ignore', 'ignore', errors.fd],
        cwd: '/',
      });
      let failure: string | undefined;
      child.once('error', (error) => (failure = messageOf(error)));
      child.once('exit', (code, signal) => (failure = `it ended with ${signal ?? `status ${code ?? 0}`}`));
      child.unref();
      await errors.close();
      if (child.pid !== undefined) {
        await writePrivateFile(files.pid, `${child.pid}\n`);
        // It is as nice as this process. Its leader steps down when it has not heard of the others for a second, and nobody
        // gets an address until there is another: it goes before a hundred containers that start.
        await raiseSessionPriority(child.pid);
      }
      try {
        await until(ping, {
          timeout: READY_MS,
          giveUp() {
            if (failure !== undefined) throw new Error(failure);
          },
        });
      } catch (cause) {
        const why = (await lastLine(files.errors)) || messageOf(cause);
        throw new AppError('unavailable', `Consul did not start: ${why} (log: ${dirname(files.log)})`, {
          cause,
        });
      }
    },
    async stop() {
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const pid = await find();
        if (pid === undefined) break;
        kill(pid, signal);
        await gone(AbortSignal.timeout(STOP_MS));
      }
      await rm(files.pid, { force: true });
    },
  };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It ended by itself in the meantime.
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
