import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
/** Exit statuses above this say which signal ended the process, as in a shell. */
export const SIGNALED = 128;

export interface TerminalChildOptions {
  /** The child's entire environment. Default: this process's own. */
  env?: NodeJS.ProcessEnv;
  /** Lets the child decide what a signal to this process means, instead of ending this process. */
  passSignals?: boolean;
}

/**
 * Runs a command on this process's own terminal, with its standard input, output and error: the one kind of child that `Run`,
 * which collects the output, cannot start. Returns the exit status, or 128 plus the signal's number when a signal ended the
 * command.
 *
 * @throws the system's error (`ENOENT`, …) when the command cannot be started
 */
export async function runOnTerminal(
  [command, ...args]: readonly [string, ...string[]],
  { env, passSignals = false }: TerminalChildOptions = {},
): Promise<number> {
  let child: ChildProcess | undefined;
  // The terminal sends Ctrl-C to the child itself; only signals sent to this process alone are passed on.
  const passOn = (signal: NodeJS.Signals) => {
    const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    if (!fromTerminal) child?.kill(signal);
  };
  const signals = passSignals ? PASSED_ON : [];
  // Done first: a signal that arrives while the child is being started must not end this process alone.
  for (const signal of signals) process.on(signal, passOn);
  try {
    const started = spawn(command, args, { stdio: 'inherit', env: env ?? process.env });
    child = started;
    return await new Promise<number>((resolve, reject) => {
      started.once('error', reject);
      started.once('exit', (code, signal) =>
        resolve(code ?? SIGNALED + (signal ? constants.signals[signal] : 0)),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
