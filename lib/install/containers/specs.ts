/** The two daemons as containers of one image: the one truth about how Docker is told to make them. */

export const PART_LABEL = 'socketplane.part';

export interface ContainerSpec {
  name: 'socketplane' | 'powerstrip';
  part: 'agent' | 'proxy';
  /** Arguments of `docker create`. */
  create: string[];
}

/** In the image. */
const HEALTH = '/usr/local/lib/socketplane/dist/lib/health.js';

/** What root needs to see what other users own, to listen on low ports, and to change networks, its own and those of containers. */
const AGENT_CAPABILITIES = [
  'DAC_OVERRIDE',
  // Holds the process of a container, whatever its user, until its network is there.
  'KILL',
  'NET_ADMIN',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SYS_ADMIN',
  'SYS_PTRACE',
];

/**
 * Both see the host's own network and processes: their sockets, their pid files and what they know of callers are the
 * same inside and outside. Nothing is written into the container itself.
 */
const COMMON = [
  ...['--restart', 'unless-stopped'],
  ...['--network', 'host', '--pid', 'host', '--userns', 'host'],
  ...['--read-only', '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL', '--cap-add', 'CHOWN'],
  // Bounded, unlike Docker's default.
  ...['--log-driver', 'local'],
  ...['--volume', '/etc/socketplane:/etc/socketplane:ro'],
];

/**
 * The agent makes links and rules of the host and enters the networks of containers; not privileged, it has neither the
 * host's devices nor its modules. Of `/run` it gets the folder, not the sockets in it: a daemon that starts again makes
 * new ones.
 */
export function agentContainer(options: {
  image: string;
  /** `BOOTSTRAP`, for one. */
  environment?: Record<string, string>;
}): ContainerSpec {
  const { image, environment = {} } = options;
  return spec('socketplane', 'agent', [
    ...AGENT_CAPABILITIES.flatMap((name) => ['--cap-add', name]),
    // AppArmor keeps containers from looking at others, Docker keeps them from writing to /proc/sys.
    ...['--security-opt', 'apparmor=unconfined', '--security-opt', 'systempaths=unconfined'],
    ...['--tmpfs', '/tmp'],
    // A container starts without its network, and Consul loses its leader, where these have to wait for a processor.
    ...['--cpu-shares', '4096'],
    ...['--volume', '/run:/run', '--volume', '/var/lib/socketplane:/var/lib/socketplane'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[image, 'socketplaned'],
  ]);
}

/**
 * The proxy is root, as its sockets belong to root, and has none of root's powers. The agent's socket and Docker's it finds
 * in `/run`.
 */
export function proxyContainer({ image }: { image: string }): ContainerSpec {
  return spec('powerstrip', 'proxy', [
    ...['--volume', '/run:/run:ro', '--volume', '/run/socketplane:/run/socketplane'],
    ...['--health-cmd', `node ${HEALTH} proxy`],
    ...[image, 'powerstrip'],
  ]);
}

function spec(name: ContainerSpec['name'], part: ContainerSpec['part'], own: string[]): ContainerSpec {
  return { name, part, create: ['--name', name, '--label', `${PART_LABEL}=${part}`, ...COMMON, ...own] };
}
