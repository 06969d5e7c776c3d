import { z } from 'zod';
import { AppError } from '../base/errors.js';
import { CLUSTER_PORTS, MDNS_PORT, NAMES_PORT } from '../base/ports.js';
import { duration } from './units.js';

const OTHER_PORTS = new Set([MDNS_PORT, NAMES_PORT]);

/** A UDP port for tunnels. */
export const vxlanPort = z
  .int('expected a port from 1024 to 65535')
  .min(1_024, 'expected a port from 1024 to 65535')
  .max(65_535, 'expected a port from 1024 to 65535')
  .refine(
    (port) => !OTHER_PORTS.has(port) && (port < CLUSTER_PORTS.first || port > CLUSTER_PORTS.last),
    `expected a port that SocketPlane does not use for something else: not ${MDNS_PORT}, ${CLUSTER_PORTS.first} to ${NAMES_PORT}`,
  );

/** The `cluster` section of agent.yml. */
export const clusterConfig = z.strictObject({
  /** Only hosts that are given the same name find each other. */
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/, 'expected up to 63 letters, digits, dots and dashes')
    .default('socketplane'),
  /** 32 bytes in base64, the same on all hosts. Without it, the first host makes one and hands it to hosts on its segment. */
  key: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/, 'expected 32 bytes in base64, as `openssl rand -base64 32` makes them')
    .optional(),
  /** true: begin a cluster. false: look for one. Left out: stay alone until told otherwise. */
  bootstrap: z.boolean().optional(),
  /** The device that carries the cluster; by default, that of the default route. */
  interface: z
    .string()
    .regex(/^[^\s/]{1,15}$/, 'expected the name of a network device, up to 15 characters')
    .optional(),
  /** Members to join by address, for hosts that multicast does not reach. */
  join: z.array(z.ipv4('expected an IPv4 address')).default([]),
  /** UDP port of tunnels, for a cluster that this host begins; it joins none that has another. By default 6680. */
  vxlanPort: vxlanPort.optional(),
  /** How long the addresses of a lost host are kept for it. */
  leaseGrace: duration.default(600_000),
  /** Find others, and be found, by multicast DNS. */
  mdns: z.boolean().default(true),
});
export type ClusterConfig = z.infer<typeof clusterConfig>;

/** `BOOTSTRAP` in the environment takes precedence over the file, as with the original SocketPlane. */
export function withBootstrap(config: ClusterConfig, env: NodeJS.ProcessEnv): ClusterConfig {
  const text = env['BOOTSTRAP'];
  if (text === undefined || text === '') return config;
  if (text !== 'true' && text !== 'false') {
    throw new AppError('invalid', `BOOTSTRAP=${text}: expected true on the first host, false on the others`);
  }
  return { ...config, bootstrap: text === 'true' };
}
