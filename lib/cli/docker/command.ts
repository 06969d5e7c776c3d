import { spawn, type ChildProcess } from 'node:child_process';
import { access } from 'node:fs/promises';
import { constants } from 'node:os';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import type { Context } from '../context.js';

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
/** Exit statuses above this say which signal ended the process, as a shell has it. */
const SIGNALED = 128;

/** The environment in which `docker` talks to the proxy, whatever the user's own environment makes it talk to. */
export function dockerEnvironment({ env, paths }: Pick<Context, 'env' | 'paths'>): NodeJS.ProcessEnv {
  const { DOCKER_TLS: _tls, DOCKER_TLS_VERIFY: _verify, DOCKER_CERT_PATH: _certificates, ...rest } = env;
  return { ...rest, DOCKER_HOST: `unix://${paths.proxySocket}` };
}

/** Run the stock `docker` through the proxy, on the user's own terminal. Gives its exit status. */
export async function runDocker(context: Context, args: readonly string[]): Promise<number> {
  await assertProxy(context);
  let child: ChildProcess | undefined;

  // The terminal sends Ctrl-C to docker itself; only what was sent to us alone is passed on.
  const passOn = (signal: NodeJS.Signals) => {
    const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
    if (!fromTerminal) child?.kill(signal);
  };
  // First: a signal that comes while docker is being started must not end this process alone.
  for (const signal of SIGNALS) process.on(signal, passOn);
  try {
    const docker = spawn('docker', args, { stdio: 'inherit', env: dockerEnvironment(context) });
    child = docker;
    return await new Promise<number>((resolve, reject) => {
      docker.once('error', reject);
      docker.once('exit', (code, signal) =>
        resolve(code ?? SIGNALED + (signal ? constants.signals[signal] : 0)),
      );
    });
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw new AppError('internal', `docker: ${messageOf(cause)}`, { cause });
    const see = `see \`${context.command} deps\``;
    throw new AppError('unavailable', `there is no \`docker\` command on this host: ${see}`, { cause });
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn);
  }
}

/** `docker` itself would say that Docker is not running, which is not what is wrong. */
async function assertProxy({ paths, command }: Context): Promise<void> {
  try {
    await access(paths.proxySocket);
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `the proxy is not running (no ${paths.proxySocket}): start it with \`${command} agent start\``,
      { cause },
    );
  }
}
