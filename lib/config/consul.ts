import { z } from 'zod';
import { AppError } from '../base/errors.js';

const VARIABLE = 'SOCKETPLANE_CONSUL';

const file = z.string().startsWith('/', 'expected an absolute path');

/** The `consul` section of agent.yml: an existing Consul, instead of one that the agent runs itself. */
const consulSection = z.strictObject({
  /** Its HTTP API: a URL, or the path of a unix socket. */
  address: z
    .string()
    .regex(
      /^(https?:\/\/[^\s/]+\/?|\/\S+)$/,
      'expected a URL such as http://192.0.2.1:8500, or a socket’s path',
    ),
  /** An ACL token that may write sessions, and keys under the prefix. */
  token: z.string().min(1).optional(),
  /** A file that holds the token, for root alone, instead of `token`. Read when the agent connects. */
  tokenFile: file.optional(),
  /** For `https://`: PEM files, and the name in Consul's certificate where that is not the one in the address. */
  tls: z
    .strictObject({
      /** The authority that signed Consul's certificate. By default those that Node knows. */
      ca: file.optional(),
      /** A certificate of this host's, where Consul asks for one, and its key. */
      cert: file.optional(),
      key: file.optional(),
      serverName: z.string().min(1).optional(),
    })
    .optional(),
  /** Prefix of all keys; hosts with the same Consul and prefix form one cluster. */
  prefix: z
    .string()
    .regex(/^[^\s/]\S*\/$/, 'expected a prefix such as socketplane/, with a slash at its end')
    .default('socketplane/'),
});

export const consulConfig = consulSection.superRefine(({ address, token, tokenFile, tls }, context) => {
  const add = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (token !== undefined && tokenFile !== undefined)
    add(['tokenFile'], 'has no meaning beside `token`: leave one of them out');
  if (tls && !address.startsWith('https://')) add(['tls'], 'has no meaning without an address https://…');
  if (tls && (tls.cert === undefined) !== (tls.key === undefined))
    add(['tls'], 'expected both of `cert` and `key`, or neither');
});
export type ConsulConfig = z.infer<typeof consulConfig>;

/**
 * `SOCKETPLANE_CONSUL` in the environment takes precedence over `consul.address` in the file: for containers that are set up
 * without a file.
 */
export function withConsulAddress(settings: unknown, env: NodeJS.ProcessEnv): unknown {
  const text = env[VARIABLE];
  if (text === undefined || text === '') return settings;
  const address = consulSection.shape.address.safeParse(text);
  if (!address.success) {
    throw new AppError('invalid', `${VARIABLE}=${text}: ${address.error.issues[0]?.message}`);
  }
  const { consul, ...rest } = settings as { consul?: object };
  return { ...rest, consul: { ...consul, address: address.data } };
}
