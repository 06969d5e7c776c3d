import { spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, messageOf } from '../base/errors.js';
import { until } from '../concurrency/until.js';

/** How much of a log line an error shows. */
const LINE_LENGTH = 300;

export interface DetachedOptions {
  /** What errors call the daemon. */
  name: string;
  argv: readonly [string, ...string[]];
  /** The file to which standard output and error are appended. */
  log: string;
  /** Only standard error goes to the log: for programs that keep a log of their own. */
  discardOutput?: boolean;
  env?: NodeJS.ProcessEnv;
  /** Told the process's id as soon as there is one. When it throws, the process is killed. */
  onSpawn?: (pid: number) => Promise<void>;
  /** Throws while the daemon is not ready, with the reason. */
  ready: () => Promise<unknown>;
  /** Milliseconds within which it must be ready. */
  timeout: number;
  /** Milliseconds between two calls of `ready`. */
  every?: number;
}

/**
 * Starts a daemon that outlives this process, on hosts where no init system starts it, and waits until it is ready.
 *
 * @throws AppError `unavailable` when it exits first, with the last line of its log, or is not ready in time
 */
export async function startDetached(options: DetachedOptions): Promise<void> {
  const { name, argv, log, discardOutput, env, onSpawn, ready, timeout, every } = options;
  // Readable only by root and its group, as logs may quote requests.
  await mkdir(dirname(log), { recursive: true, mode: 0o750 });
  const file = await open(log, 'a', 0o640);
  const { size: before } = await file.stat();
  const [command, ...args] = argv;
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', discardOutput ? 'ignore' : file.fd, file.fd],
    cwd: '/',
    env: env ?? process.env,
  });
  let failure: string | undefined;
  child.once('error', (error) => (failure = messageOf(error)));
  child.once('exit', (code, signal) => (failure = `it ended with ${signal ?? `status ${code ?? 0}`}`));
  child.unref();
  await file.close();
  try {
    if (child.pid !== undefined) await onSpawn?.(child.pid);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }

  try {
    await until(ready, {
      timeout,
      every,
      giveUp() {
        if (failure !== undefined) throw new Error(failure);
      },
    });
  } catch (cause) {
    const lastOutput = failure === undefined ? '' : await lastLine(log, before);
    const what = failure === undefined ? 'is running, but not ready' : 'did not start';
    throw new AppError('unavailable', `${name} ${what}: ${lastOutput || messageOf(cause)} (log: ${log})`, {
      cause,
    });
  }
}

/** The last line of a log after its first `from` bytes, as {@link logLine} shows it. */
export async function lastLine(log: string, from = 0): Promise<string> {
  const text = (await readFile(log).catch(() => Buffer.alloc(0))).subarray(from).toString('utf8');
  return logLine(text.trimEnd().split('\n').at(-1) ?? '');
}

/** A line of a log in readable form, shortened; for a line of JSON, its message and error. */
export const logLine = (line: string): string => textOf(line).slice(0, LINE_LENGTH);

function textOf(line: string): string {
  try {
    const { message, error } = JSON.parse(line) as { message?: unknown; error?: unknown };
    if (typeof message !== 'string') return line;
    return typeof error === 'string' ? `${message}: ${error}` : message;
  } catch {
    return line;
  }
}
