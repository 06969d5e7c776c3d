import { access } from 'node:fs/promises';
import { AppError, hasCode, messageOf } from '../../base/errors.js';
import { runOnTerminal } from '../../os/terminal-child.js';
import type { Context } from '../context.js';

/** The environment in which `docker` talks to the proxy, whatever it would talk to in the user's own environment. */
export function dockerEnvironment({ env, paths }: Pick<Context, 'env' | 'paths'>): NodeJS.ProcessEnv {
  const { DOCKER_TLS: _tls, DOCKER_TLS_VERIFY: _verify, DOCKER_CERT_PATH: _certificates, ...rest } = env;
  return { ...rest, DOCKER_HOST: `unix://${paths.proxySocket}` };
}

/** Runs the stock `docker` through the proxy, on the user's own terminal. Returns its exit status. */
export async function runDocker(context: Context, args: readonly string[]): Promise<number> {
  await assertProxy(context);
  try {
    const env = dockerEnvironment(context);
    return await runOnTerminal(['docker', ...args], { env, passSignals: true });
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT')) throw new AppError('internal', `docker: ${messageOf(cause)}`, { cause });
    const see = `see \`${context.command} deps\``;
    throw new AppError('unavailable', `there is no \`docker\` command on this host: ${see}`, { cause });
  }
}

/** `docker` itself would report that Docker is not running, which is not what is wrong. */
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
