import { z } from 'zod';
import { AppError } from '../base/errors.js';

const VARIABLE = 'SOCKETPLANE_CONSUL';

/** The `consul` section of agent.yml: an existing Consul, instead of one that the agent runs itself. */
export const consulConfig = z.strictObject({
  /** Its HTTP API: a URL, or the path of a unix socket. */
  address: z
    .string()
    .regex(
      /^(https?:\/\/[^\s/]+\/?|\/\S+)$/,
      'expected a URL such as http://192.0.2.1:8500, or a socket’s path',
    ),
  /** An ACL token that may write sessions, and keys under the prefix. */
  token: z.string().min(1).optional(),
  /** Prefix of all keys; hosts with the same Consul and prefix form one cluster. */
  prefix: z
    .string()
    .regex(/^[^\s/]\S*\/$/, 'expected a prefix such as socketplane/, with a slash at its end')
    .default('socketplane/'),
});
export type ConsulConfig = z.infer<typeof consulConfig>;

/**
 * `SOCKETPLANE_CONSUL` in the environment takes precedence over `consul.address` in the file: for containers that are set up
 * without a file.
 */
export function withConsulAddress(settings: unknown, env: NodeJS.ProcessEnv): unknown {
  const text = env[VARIABLE];
  if (text === undefined || text === '') return settings;
  const address = consulConfig.shape.address.safeParse(text);
  if (!address.success) {
    throw new AppError('invalid', `${VARIABLE}=${text}: ${address.error.issues[0]?.message}`);
  }
  const { consul, ...rest } = settings as { consul?: object };
  return { ...rest, consul: { ...consul, address: address.data } };
}
