import { z } from 'zod';
import { AppError } from '../base/errors.js';

const VARIABLE = 'SOCKETPLANE_CONSUL';

/** The part `consul` of agent.yml: a Consul that is there already, in place of one that the agent runs by itself. */
export const consulConfig = z.strictObject({
  /** Of its HTTP API. */
  address: z
    .string()
    .regex(
      /^(https?:\/\/[^\s/]+\/?|\/\S+)$/,
      'expected a URL such as http://192.0.2.1:8500, or a socket’s path',
    ),
  /** For ACLs: may write the keys under the prefix, and sessions. */
  token: z.string().min(1).optional(),
  /** Of all keys; hosts that say the same are one cluster. */
  prefix: z
    .string()
    .regex(/^[^\s/]\S*\/$/, 'expected a prefix such as socketplane/, with a slash at its end')
    .default('socketplane/'),
});
export type ConsulConfig = z.infer<typeof consulConfig>;

/** `SOCKETPLANE_CONSUL` in the environment stands above `consul.address` of the file: for containers that are set up without one. */
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
