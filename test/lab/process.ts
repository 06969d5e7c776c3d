import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** A command that hangs has failed. Generous: a hundred may run at once on a busy machine. */
const TIMEOUT_MS = 240_000;

export interface Result {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface CommandOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  /** Milliseconds. */
  timeout?: number;
  /** If false, returns the result of a command that failed instead of throwing. */
  reject?: boolean;
  cwd?: string;
}

export async function command(argv: string[], options: CommandOptions = {}): Promise<Result> {
  const [file = '', ...args] = argv;
  const { input, env, timeout = TIMEOUT_MS, reject = true, cwd } = options;
  const result = await execa(file, args, {
    reject,
    timeout,
    cwd,
    env,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
  });
  return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? -1 };
}

export async function tail(file: string, lines = 15): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '(no log)');
  return text.split('\n').slice(-lines).join('\n');
}
