import { hostPaths, type HostPaths } from '../base/paths.js';
import type { Output } from './terminal/style.js';

/** What a command takes from the process it runs in; tests pass their own. */
export interface Context {
  stdout: Output;
  stderr: Output;
  env: NodeJS.ProcessEnv;
  uid: number;
  paths: HostPaths;
  /** The arguments as they were typed, to run them again as root. */
  argv: readonly string[];
  /** How the user called the command, for use in help and errors. */
  command: string;
}

export function processContext(): Context {
  const { SOCKETPLANE_COMMAND: command = 'socketplane', ...env } = process.env;
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env,
    uid: process.getuid?.() ?? 0,
    paths: hostPaths,
    argv: process.argv.slice(2),
    command,
  };
}
