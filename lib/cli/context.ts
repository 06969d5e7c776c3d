import { hostPaths, type HostPaths } from '../base/paths.js';
import type { Output } from './terminal/style.js';

/** What the command takes from the process around it; tests give their own. */
export interface Context {
  stdout: Output;
  stderr: Output;
  env: NodeJS.ProcessEnv;
  uid: number;
  paths: HostPaths;
  /** Arguments as they were typed, to repeat them with more rights. */
  argv: readonly string[];
  /** How the user called the command, for what help and errors suggest. */
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
