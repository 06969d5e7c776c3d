import { execa } from 'execa';
import { AppError } from '../base/errors.js';
import type { Log } from '../base/log.js';

export interface RunOptions {
  /** Written to the child's standard input, which is closed afterwards. */
  input?: string;
  /** Milliseconds after which the child is killed, 0 for never. Default 10 s: no tool we drive needs longer. */
  timeout?: number;
  signal?: AbortSignal;
  /** For children that go on and whose output would only grow. */
  discardOutput?: boolean;
}

/** Runs one command without a shell and gives its standard output. Throws {@link CommandError}. */
export type Run = (argv: readonly [string, ...string[]], options?: RunOptions) => Promise<string>;

/** A command that could not be started, failed or took too long. `output` is what it printed. */
export class CommandError extends AppError {
  constructor(
    readonly argv: readonly string[],
    readonly exitCode: number | undefined,
    readonly output: string,
    /** The code of the operating system where the command could not be started, for one `ENOENT`. */
    readonly code: string | undefined,
    cause: unknown,
  ) {
    const how =
      code === 'ENOENT' ? 'is not installed' : exitCode === undefined ? 'was killed' : `exited ${exitCode}`;
    super('internal', `${argv[0] ?? ''} ${how}: ${output.trim() || argv.slice(1).join(' ')}`, { cause });
  }
}

/** The only user of child processes in the daemons. */
export function createRun(log: Log): Run {
  return async (argv, { input, timeout = 10_000, signal, discardOutput } = {}) => {
    const [file, ...args] = argv;
    const result = await execa(file, args, {
      reject: false,
      timeout,
      // Children of a daemon that was stopped with Ctrl-C finish their work: half a transaction is worse.
      detached: true,
      cleanup: false,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
      ...(signal && { cancelSignal: signal }),
      ...(discardOutput && { stdout: 'ignore' as const, stderr: 'ignore' as const }),
    });
    log.debug('ran', { argv, exitCode: result.exitCode, ms: Math.round(result.durationMs) });
    if (result.failed) {
      const output = [result.stderr ?? '', result.stdout ?? ''].filter(Boolean).join('\n');
      throw new CommandError(argv, result.exitCode, output, result.code, result.cause);
    }
    return result.stdout ?? '';
  };
}
