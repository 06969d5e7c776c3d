import { writeFile } from 'node:fs/promises';
import { CommandError, type Run } from '../../os/exec.js';
import type { Network } from '../../base/model.js';
import { succeeds } from '../../base/succeeds.js';
import { GATEWAY_PREFIX, gatewayName, PORT_PREFIX } from '../device-names.js';
import type { UnderlayState } from './underlay.js';

/**
 * Ports on which hosts believe an address: VXLAN, and those of the cluster. What a container sends to other hosts carries
 * this host's address, so it must not get there. Whatever the destination: a list of hosts would be late for a new one.
 */
const HOSTS_ONLY = ['udp --dport 4789', 'tcp --dport 6676:6678', 'udp --dport 6676:6678'];
const DOCKER_BRIDGES = ['docker0', 'br-+'];

/** Where packets leave this host: towards the world, and towards other hosts. */
type Way = Pick<UnderlayState, 'uplink' | 'tunnels'>;

/** Where the kernel's chains branch off into ours. */
const JUMPS = [
  ['nat', 'POSTROUTING', 'SOCKETPLANE-POSTROUTING'],
  ['filter', 'FORWARD', 'SOCKETPLANE-FORWARD'],
  ['raw', 'PREROUTING', 'SOCKETPLANE-PREROUTING'],
] as const;

/**
 * Input of `iptables-restore --noflush`: declaring a chain of ours empties it, and each table is replaced at once.
 *
 * - Containers reach the outside under the host's address; answers come back; nobody outside reaches them.
 * - Routing never joins two networks that the bridge keeps apart.
 * - No container speaks to other hosts as if it were this one.
 * - Towards Docker's own bridges, Docker's rules decide; `uplink` is none of them, whatever its name.
 * - The host's ends of container ports belong to Open vSwitch alone: in the userspace datapath the kernel would
 *   otherwise see each frame too, and route it past the bridge's rules.
 */
export function natRules(networks: Network[], { uplink, tunnels }: Way): string {
  const masquerade = networks.map(
    (network) => `-A SOCKETPLANE-POSTROUTING -s ${network.subnet} ! -o ${gatewayName(network)} -j MASQUERADE`,
  );
  const any = `${GATEWAY_PREFIX}+`;
  // Docker's containers leave under this host's address too.
  const masqueraded = tunnels ? DOCKER_BRIDGES.map((bridge) => `-i ${bridge} -o ${tunnels.device}`) : [];
  const forged = [`-i ${any}`, ...masqueraded].flatMap((from) =>
    HOSTS_ONLY.map((port) => `-A SOCKETPLANE-FORWARD ${from} -p ${port} -j DROP`),
  );
  return [
    '*nat',
    ':SOCKETPLANE-POSTROUTING - [0:0]',
    ...masquerade,
    'COMMIT',
    '*filter',
    ':SOCKETPLANE-FORWARD - [0:0]',
    `-A SOCKETPLANE-FORWARD -i ${any} -o ${any} -j DROP`,
    ...forged,
    `-A SOCKETPLANE-FORWARD -o ${any} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A SOCKETPLANE-FORWARD -o ${any} -j DROP`,
    ...(uplink === undefined ? [] : [`-A SOCKETPLANE-FORWARD -i ${any} -o ${uplink} -j ACCEPT`]),
    ...DOCKER_BRIDGES.map((bridge) => `-A SOCKETPLANE-FORWARD -i ${any} -o ${bridge} -j RETURN`),
    `-A SOCKETPLANE-FORWARD -i ${any} -j ACCEPT`,
    'COMMIT',
    '*raw',
    ':SOCKETPLANE-PREROUTING - [0:0]',
    `-A SOCKETPLANE-PREROUTING -i ${PORT_PREFIX}+ -j DROP`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Make forwarding and address translation those of these networks. May be repeated. */
export async function applyNat(run: Run, networks: Network[], way: Way): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await run(['iptables-restore', '--noflush', '--wait=5'], { input: natRules(networks, way) });
  for (const [table, from, to] of JUMPS) {
    if (await hasJump(run, table, from, to)) continue;
    // First: Docker's policy for forwarded packets is DROP.
    await run(['iptables', '--wait=5', '-t', table, '-I', from, '1', '-j', to]);
  }
}

async function hasJump(run: Run, table: string, from: string, to: string): Promise<boolean> {
  try {
    await run(['iptables', '--wait=5', '-t', table, '-C', from, '-j', to]);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 1) return false;
    throw error;
  }
}

/** Takes away all that {@link applyNat} has made. May be repeated. */
export async function removeNat(run: Run): Promise<void> {
  for (const [table, from, chain] of JUMPS) {
    const iptables = (...args: string[]) => run(['iptables', '--wait=5', '-t', table, ...args]);
    while (await hasJump(run, table, from, chain).catch(() => false)) await iptables('-D', from, '-j', chain);
    const exists = await succeeds(iptables('-n', '-L', chain));
    if (!exists) continue;
    await iptables('-F', chain);
    await iptables('-X', chain);
  }
}
