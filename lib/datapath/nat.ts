import { writeFile } from 'node:fs/promises';
import { CommandError, type Run } from '../exec.js';
import type { Network } from '../types.js';
import { GATEWAY_PREFIX, gatewayName, PORT_PREFIX } from './names.js';

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
 * - Towards Docker's own bridges, Docker's rules decide.
 * - The host's ends of container ports belong to Open vSwitch alone: in the userspace datapath the kernel would
 *   otherwise see each frame too, and route it past the bridge's rules.
 */
export function natRules(networks: Network[]): string {
  const masquerade = networks.map(
    (network) => `-A SOCKETPLANE-POSTROUTING -s ${network.subnet} ! -o ${gatewayName(network)} -j MASQUERADE`,
  );
  const any = `${GATEWAY_PREFIX}+`;
  return [
    '*nat',
    ':SOCKETPLANE-POSTROUTING - [0:0]',
    ...masquerade,
    'COMMIT',
    '*filter',
    ':SOCKETPLANE-FORWARD - [0:0]',
    `-A SOCKETPLANE-FORWARD -i ${any} -o ${any} -j DROP`,
    `-A SOCKETPLANE-FORWARD -o ${any} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A SOCKETPLANE-FORWARD -o ${any} -j DROP`,
    `-A SOCKETPLANE-FORWARD -i ${any} -o docker0 -j RETURN`,
    `-A SOCKETPLANE-FORWARD -i ${any} -o br-+ -j RETURN`,
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
export async function applyNat(run: Run, networks: Network[]): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await run(['iptables-restore', '--noflush', '--wait=5'], { input: natRules(networks) });
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
