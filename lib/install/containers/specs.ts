/** The two daemons as containers of one image: this is the only place that says how Docker makes them. */

import { PART_LABEL } from '../../docker/labels.js';

export interface ContainerSpec {
  name: 'socketplane' | 'powerstrip';
  part: 'agent' | 'proxy';
  /** Arguments of `docker create`. */
  create: string[];
}

/** Path in the image. */
const HEALTH = '/usr/local/lib/socketplane/dist/lib/health.js';

/** What root needs to read other users' files, listen on low ports, and change the host's network. */
const AGENT_CAPABILITIES = ['DAC_OVERRIDE', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_RAW'];

/**
 * Both use the host's own network and process namespaces, so that sockets, pid files and the identity of callers are the
 * same inside and outside. Nothing is written into the container itself.
 */
const COMMON = [
  // Docker that was killed ends what it finds running as if a user had: it would not start that again with `unless-stopped`.
  ...['--restart', 'always'],
  ...['--network', 'host', '--pid', 'host', '--userns', 'host'],
  ...['--read-only', '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL', '--cap-add', 'CHOWN'],
  // Limited in size, unlike Docker's default.
  ...['--log-driver', 'local'],
  ...['--volume', '/etc/socketplane:/etc/socketplane:ro'],
];

/**
 * The agent changes links and firewall rules of the host, and enters no container: Docker moves links in. It is not privileged: it
 * has neither the host's devices nor its kernel modules. It gets the folder `/run` rather than single sockets, as a daemon that
 * restarts makes new ones.
 */
export function agentContainer(options: {
  image: string;
  /** Additional variables, such as `BOOTSTRAP`. */
  environment?: Record<string, string>;
}): ContainerSpec {
  const { image, environment = {} } = options;
  return spec('socketplane', 'agent', [
    ...AGENT_CAPABILITIES.flatMap((name) => ['--cap-add', name]),
    // It writes to /proc/sys/net, which AppArmor and Docker would not let it.
    ...['--security-opt', 'apparmor=unconfined', '--security-opt', 'systempaths=unconfined'],
    ...['--tmpfs', '/tmp'],
    // If it ran short of processor time, starts of containers would wait for it, and Consul would lose its leader.
    ...['--cpu-shares', '4096'],
    ...['--volume', '/run:/run', '--volume', '/var/lib/socketplane:/var/lib/socketplane'],
    ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[image, 'socketplaned'],
  ]);
}

/**
 * The proxy runs as root, because its sockets belong to root, but with none of root's capabilities. It finds the agent's
 * socket and Docker's in `/run`.
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
