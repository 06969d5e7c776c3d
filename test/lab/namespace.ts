import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { command, type CommandOptions, type Result } from './process.js';
import { until } from '../support/until.js';

/** A set of namespaces held by one process that dies with this one, however this one dies. */
export interface Namespace {
  /** Of the first process in it, as seen from here. */
  pid: number;
  /** Command prefix that runs another command inside. */
  enter: string[];
  run(argv: string[], options?: CommandOptions): Promise<Result>;
  /** Starts a process inside without waiting for it; it gets this process's environment. */
  spawn(argv: string[], options?: Parameters<typeof spawn>[2]): ChildProcess;
  destroy(): Promise<void>;
}

/**
 * @param flags namespaces, as both `unshare` and `nsenter` name them, for example `--net`
 * @param environment variables for everything that is run inside
 */
export async function createNamespace(
  flags: string[],
  init: string[],
  environment: Record<string, string> = {},
): Promise<Namespace> {
  const owned = ['--pdeathsig', 'KILL', 'unshare', ...flags, '--fork', '--kill-child', ...init];
  const holder = spawn('setpriv', owned, { stdio: ['ignore', 'ignore', 'inherit'] });
  const gone = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
  const pid = await firstChild(holder.pid ?? 0);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const enter = ['-t', String(pid), ...flags, ...(variables.length > 0 ? ['env', ...variables] : [])];
  return {
    pid,
    enter: ['nsenter', ...enter],
    run: (argv, options) => command(['nsenter', ...enter, ...argv], options),
    spawn: (argv, options = {}) =>
      spawn('nsenter', [...enter, ...argv], { ...options, env: { ...process.env, ...options.env } }),
    async destroy() {
      holder.kill('SIGKILL');
      await gone;
      await until(`process ${pid} to go`, async () => !(await isAlive(pid)));
    },
  };
}

async function firstChild(parent: number): Promise<number> {
  let child = 0;
  await until('the namespace', async () => {
    const text = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8');
    child = Number(text.trim().split(' ')[0]);
    return child > 0;
  });
  return child;
}

/** A zombie is gone with all that it held, whenever this machine's first process collects it. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // By proc(5): the state follows the name, which is in parentheses and may contain any character.
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return !['', 'Z', 'X'].includes(state);
}
