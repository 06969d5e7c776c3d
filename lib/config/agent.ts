import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { LOG_LEVELS } from '../base/log.js';
import { hostPaths } from '../base/paths.js';
import { clusterConfig } from './cluster.js';
import { consulConfig, withConsulAddress } from './consul.js';
import { readYaml } from './yaml.js';

/** The bridge unless agent.yml names another. */
export const DEFAULT_BRIDGE = 'docker0-ovs';

const unixUrl = z
  .string()
  .regex(/^unix:\/\/\/.+/, 'expected a socket such as unix:///run/socketplane/agent.sock')
  .transform((url) => url.slice('unix://'.length));

const loopback = z
  .string()
  .regex(
    /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost):\d{1,5}$/,
    'expected a loopback address such as 127.0.0.1:6675',
  );

/** Settings that only a cluster with its own Consul has. */
const MANAGED = ['key', 'bootstrap', 'join'] as const;

const agentFile = z.strictObject({
  /** The REST API's socket, mode 0660 and group `docker`. */
  listen: unixUrl.default(hostPaths.agentSocket),
  /** A TCP address for the API, in addition to the socket. Any user of this host can use it. */
  tcp: loopback.optional(),
  docker: unixUrl.default(hostPaths.dockerSocket),
  /** Folder for networks and leases; must survive a reboot. */
  state: z.string().startsWith('/', 'expected an absolute path').default(hostPaths.state),
  bridge: z
    .string()
    .regex(/^[a-zA-Z0-9_.-]{1,15}$/, 'expected the name of a network device, up to 15 characters')
    .default(DEFAULT_BRIDGE),
  datapath: z.enum(['auto', 'kernel', 'userspace']).default('auto'),
  log: z.enum(LOG_LEVELS).default('info'),
  cluster: clusterConfig.prefault({}),
  consul: consulConfig.optional(),
});

const agentConfig = agentFile.superRefine(({ cluster, consul }, context) => {
  if (!consul) return;
  for (const key of MANAGED) {
    const value = cluster[key];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const message = 'has no meaning beside `consul`: hosts with the same Consul and prefix are one cluster';
    context.addIssue({ code: 'custom', path: ['cluster', key], message });
  }
});
export type AgentConfig = z.infer<typeof agentConfig>;

/**
 * @param file when undefined, the default file, which need not exist
 * @throws AppError `invalid`, or `notFound` for a file that was named explicitly
 */
export async function readAgentConfig(file?: string, env = process.env): Promise<AgentConfig> {
  const schema = z.preprocess((settings) => withConsulAddress(settings, env), agentConfig);
  try {
    return await readYaml(file ?? hostPaths.agentConfig, schema);
  } catch (error) {
    if (file === undefined && error instanceof AppError && error.kind === 'notFound') return schema.parse({});
    throw error;
  }
}
