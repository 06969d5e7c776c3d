import { readFile } from 'node:fs/promises';

/** A program of the host that SocketPlane uses. */
export interface HostProgram {
  name: string;
  command: string;
  /** Arguments with which it prints its version. */
  args: readonly string[];
  /** The oldest version that will do. */
  wanted: string;
  /** The Debian and Ubuntu package that contains it. */
  package: string;
  optional?: true;
  /** Whether this host needs it at all; where there is no such question, every host does. */
  isNeeded?: () => Promise<boolean>;
}

/** Y where the kernel confines programs with AppArmor; not there where it cannot. */
const APPARMOR = '/sys/module/apparmor/parameters/enabled';

export const DOCKER_ENGINE = 'docker engine';
export const CONSUL_WANTED = '1.8';

export const HOST_PROGRAMS: readonly HostProgram[] = [
  { name: DOCKER_ENGINE, command: 'dockerd', args: ['--version'], wanted: '20.10', package: 'docker.io' },
  { name: 'docker cli', command: 'docker', args: ['--version'], wanted: '20.10', package: 'docker-cli' },
  {
    name: 'open vswitch',
    command: 'ovs-vswitchd',
    args: ['--version'],
    wanted: '2.17',
    package: 'openvswitch-switch',
  },
  { name: 'ip', command: 'ip', args: ['-V'], wanted: '5.10', package: 'iproute2' },
  { name: 'iptables', command: 'iptables', args: ['--version'], wanted: '1.8', package: 'iptables' },
  { name: 'nsenter', command: 'nsenter', args: ['--version'], wanted: '2.36', package: 'util-linux' },
  // Docker gives each container a profile where the kernel takes profiles, and starts none where it has not the program that loads them.
  // docker.io only recommends it.
  {
    name: 'apparmor',
    command: 'apparmor_parser',
    args: ['--version'],
    wanted: '2.13',
    package: 'apparmor',
    isNeeded: () =>
      readFile(APPARMOR, 'utf8').then(
        (text) => text.trim() === 'Y',
        () => false,
      ),
  },
  { name: 'ethtool', command: 'ethtool', args: ['--version'], wanted: '5.9', package: 'ethtool' },
  // For clusters. `consul.ts` fetches it: few releases have the package, which would also start a Consul of its own.
  {
    name: 'consul',
    command: 'consul',
    args: ['version'],
    wanted: CONSUL_WANTED,
    package: 'consul',
    optional: true,
  },
  // For an image to try things out with where no registry answers.
  {
    name: 'busybox',
    command: 'busybox',
    args: ['--help'],
    wanted: '1.30',
    package: 'busybox-static',
    optional: true,
  },
];

/** The first thing in a program's output that looks like a version. */
export function findVersion(output: string): string | undefined {
  return /\d+(\.\d+)+/.exec(output)?.[0];
}

/** Whether a version such as `20.10.24` is `wanted` or later. */
export function isAtLeast(version: string, wanted: string): boolean {
  const found = version.split('.').map(Number);
  for (const [index, least] of wanted.split('.').map(Number).entries()) {
    const difference = (found[index] ?? 0) - least;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
