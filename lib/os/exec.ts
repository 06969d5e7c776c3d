import { closeSync, openSync } from 'node:fs';
import { execa } from 'execa';
import { AppError, hasCode, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';

export interface RunOptions {
  /** Written to the child's standard input, which is closed afterwards. */
  input?: string;
  /** Milliseconds after which the child is killed, 0 for never. Default 30 s, which is enough for every tool used here, even where all takes 20 times as long. */
  timeout?: number;
  signal?: AbortSignal;
  /** For children that keep running, whose output would only grow. */
  discardOutput?: boolean;
  /** The child's entire environment. Default: this process's own. */
  env?: NodeJS.ProcessEnv;
}

/** Runs one command without a shell and returns its standard output. Throws {@link CommandError}. */
export type Run = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<string>;

/** A command that could not be started, failed or took too long. */
export class CommandError extends AppError {
  constructor(
    readonly argv: readonly string[],
    readonly exitCode: number | undefined,
    /** What it printed: standard error, then standard output. */
    readonly output: string,
    /** `ENOENT` and the like when it could not be started, `ETIMEDOUT` when it took too long. */
    readonly code: string | undefined,
    cause: unknown,
    /** What it printed on standard error alone. */
    readonly stderr = output,
  ) {
    const [program = '', ...args] = argv;
    super('internal', `${program} ${endOf(exitCode, code)}: ${output.trim() || args.join(' ')}`, { cause });
  }
}

/** What there is too little of to start a process, and what to raise. */
const SCARCE: Record<string, string> = {
  EMFILE: 'this process has too many files open; raise LimitNOFILE, or `ulimit -n`',
  ENFILE: 'the host has too many files open; raise fs.file-max',
  EAGAIN: 'there are too many processes; raise TasksMax, pids.max or `ulimit -u`',
  ENOMEM: 'there is no memory left',
};

/** More than a child's pipes take, for what other threads open meanwhile. */
const DESCRIPTORS = 16;

/**
 * Without descriptors for its pipes, a child of Node's has no streams, on which execa gives up; the error that follows then has no
 * listener, and ends this process.
 */
function assertDescriptors(argv: readonly string[]): void {
  const held: number[] = [];
  try {
    while (held.length < DESCRIPTORS) held.push(openSync('/dev/null', 'r'));
  } catch (cause) {
    const code = hasCode(cause, 'ENFILE') ? 'ENFILE' : 'EMFILE';
    throw new CommandError(argv, undefined, '', code, cause);
  } finally {
    held.forEach((descriptor) => closeSync(descriptor));
  }
}

function endOf(exitCode: number | undefined, code: string | undefined): string {
  if (code === 'ENOENT') return 'is not installed';
  if (code === 'ETIMEDOUT') return 'did not end in time';
  if (code !== undefined && code in SCARCE) return `cannot be started (${code}): ${SCARCE[code]}`;
  return exitCode === undefined ? 'was killed' : `exited ${exitCode}`;
}

/**
 * Why something failed, in one line: for a command, the last line that it wrote to standard error (to standard output if it
 * wrote none there); for any other error, its message.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof CommandError) || error.code === 'ETIMEDOUT') return messageOf(error);
  return lastLineOf(error.stderr) || lastLineOf(error.output) || messageOf(error);
}

const lastLineOf = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

/** Runs commands and logs each at debug. Daemons start child processes only through this and `startDetached`. */
export function createRun(log: Log): Run {
  return async (argv, { input, timeout = 30_000, signal, discardOutput, env } = {}) => {
    const [file, ...args] = argv;
    assertDescriptors(argv);
    const result = await execa(file, args, {
      reject: false,
      timeout,
      // Children of a daemon that was stopped with Ctrl-C finish their work: half a transaction is worse.
      detached: true,
      cleanup: false,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
      ...(signal && { cancelSignal: signal }),
      ...(env && { env, extendEnv: false }),
      ...(discardOutput && { stdout: 'ignore' as const, stderr: 'ignore' as const }),
    });
    log.debug('ran', { argv, exitCode: result.exitCode, ms: Math.round(result.durationMs) });
    if (result.failed) {
      const { stderr = '', stdout = '', exitCode, cause } = result;
      const code = result.timedOut ? 'ETIMEDOUT' : result.code;
      const output = [stderr, stdout].filter(Boolean).join('\n');
      throw new CommandError(argv, exitCode, output, code, cause, stderr);
    }
    return result.stdout ?? '';
  };
}
