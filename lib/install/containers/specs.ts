/** The daemons as containers of one image: this is the only place that says how Docker makes them. */

import { hostPaths } from '../../base/paths.js';
import { PART_LABEL } from '../../docker/labels.js';

export interface ContainerSpec {
  name: 'socketplane' | 'powerstrip' | 'socketplane-consul';
  part: 'agent' | 'proxy' | 'consul';
  /** Arguments of `docker create`. */
  create: string[];
}

/** In the image. */
const PRODUCT = '/usr/local/lib/socketplane';

/** What root needs to read other users' files, listen on low ports, and change the host's network. */
const AGENT_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'NET_ADMIN', 'NET_BIND_SERVICE', 'NET_RAW'];

/**
 * All use the host's own network and process namespaces, so that sockets, pid files and the identity of callers are the
 * same inside and outside. Nothing is written into the container itself.
 */
const COMMON = [
  // Docker that was killed ends what it finds running as if a user had: it would not start that again with `unless-stopped`.
  ...['--restart', 'always'],
  ...['--network', 'host', '--pid', 'host', '--userns', 'host'],
  ...['--read-only', '--security-opt', 'no-new-privileges', '--cap-drop', 'ALL'],
  // Limited in size, unlike Docker's default.
  ...['--log-driver', 'local'],
];
const SETTINGS = ['--volume', '/etc/socketplane:/etc/socketplane:ro'];
/** If agent or Consul ran short of processor time, starts of containers would wait for the one, and the other would lose its leader. */
const FIRST = ['--cpu-shares', '4096'];

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
    ...FIRST,
    ...SETTINGS,
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
    ...['--cap-add', 'CHOWN'],
    ...SETTINGS,
    ...['--volume', '/run:/run:ro', '--volume', '/run/socketplane:/run/socketplane'],
    ...['--health-cmd', `${PRODUCT}/bin/health proxy`],
    ...[image, 'powerstrip'],
  ]);
}

/**
 * Consul outlives the agent in a container of its own, whose main process starts it when the agent asks: that needs no answer of
 * Docker's, which may be starting, and waiting for the agent. It needs no capabilities: its files are root's, its ports are not low.
 */
export function consulContainer({ image }: { image: string }): ContainerSpec {
  return spec('socketplane-consul', 'consul', [
    ...FIRST,
    ...[
      '--volume',
      '/run/socketplane:/run/socketplane',
      '--volume',
      '/var/lib/socketplane:/var/lib/socketplane',
    ],
    // Where Consul makes snapshots.
    ...['--tmpfs', '/tmp'],
    // The image's is the agent's. Whether Consul runs, and should, the agent knows.
    '--no-healthcheck',
    ...[image, `${PRODUCT}/bin/keep-consul`, hostPaths.consulRequests],
  ]);
}

function spec(name: ContainerSpec['name'], part: ContainerSpec['part'], own: string[]): ContainerSpec {
  return { name, part, create: ['--name', name, '--label', `${PART_LABEL}=${part}`, ...COMMON, ...own] };
}
