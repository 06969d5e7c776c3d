import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError, type Run } from '../../os/exec.js';
import type { Network } from '../../base/model.js';
import { CLUSTER_PORTS, DNS_PORT, NAMES_PORT, VXLAN_PORT } from '../../base/ports.js';
import { succeeds } from '../../base/succeeds.js';
import { GATEWAY_PREFIX, gatewayName, PORT_PREFIX } from '../device-names.js';
import type { UnderlayState } from './underlay.js';

/**
 * Ports on which hosts trust a packet's source address: that of VXLAN, and those of the cluster. What a container sends to
 * other hosts carries this host's address, so it must not get there, whatever its destination: a list of hosts would be too
 * late for a new one.
 */
const CLUSTER = `${CLUSTER_PORTS.first}:${CLUSTER_PORTS.last}`;
const HOSTS_ONLY = [`udp --dport ${VXLAN_PORT}`, `tcp --dport ${CLUSTER}`, `udp --dport ${CLUSTER}`];
/** Those that Docker always calls so: its default bridge, and the one on which it publishes ports of our containers. */
const DOCKER_BRIDGES = ['docker0', 'docker_gwbridge'];
/** How Docker names the bridge of any other network. */
const DOCKER_BRIDGE = /^br-[0-9a-f]{12}$/;

const bridgeList = z.array(z.object({ ifname: z.string().optional() }));

/** Where packets leave this host: towards the world, and towards other hosts. */
type Way = Pick<UnderlayState, 'uplink' | 'tunnels'>;

const [POSTROUTING, FORWARD, PREROUTING, OUTPUT] = [
  'SOCKETPLANE-POSTROUTING',
  'SOCKETPLANE-FORWARD',
  'SOCKETPLANE-PREROUTING',
  'SOCKETPLANE-OUTPUT',
] as const;

/** SocketPlane's chains, and the kernel's chain from which each branches off. */
export const CHAINS = [
  { table: 'nat', parent: 'POSTROUTING', chain: POSTROUTING },
  { table: 'nat', parent: 'PREROUTING', chain: PREROUTING },
  { table: 'nat', parent: 'OUTPUT', chain: OUTPUT },
  { table: 'filter', parent: 'FORWARD', chain: FORWARD },
  { table: 'raw', parent: 'PREROUTING', chain: PREROUTING },
] as const;
type Chain = (typeof CHAINS)[number];

/**
 * Input for `iptables-restore --noflush`: declaring one of these chains empties it, and each table is replaced
 * atomically.
 *
 * - Containers reach the outside from the host's address; answers come back; nothing outside reaches them.
 * - What containers, and the host itself, ask of a gateway goes to our name server there, whatever else listens on port 53: it comes before
 *   the rules for published ports too.
 * - Nothing is forwarded from or to an internal network, not even an answer; its gateway itself still answers.
 * - Routing never joins two networks that the bridge keeps apart.
 * - No container speaks to other hosts as if it were this one.
 * - What is on Docker's own bridges is reached by its published ports alone, about which Docker's rules decide; `uplink` is none of
 *   them, whatever its name.
 * - The host's ends of container ports belong to Open vSwitch alone: in the userspace datapath the kernel would
 *   otherwise see each frame too, and route it past the bridge's rules.
 */
export function natRules(networks: Network[], { uplink, tunnels }: Way, bridges = DOCKER_BRIDGES): string {
  const [closed, open] = [networks.filter(isInternal), networks.filter((network) => !isInternal(network))];
  const masquerade = open.map(
    (network) => `-A ${POSTROUTING} -s ${network.subnet} ! -o ${gatewayName(network)} -j MASQUERADE`,
  );
  const questions = networks.flatMap((network) =>
    ['udp', 'tcp'].flatMap((protocol) => {
      const { gateway } = network;
      const rest = `-d ${gateway} -p ${protocol} --dport ${DNS_PORT} -j DNAT --to-destination ${gateway}:${NAMES_PORT}`;
      return [`-A ${PREROUTING} -i ${gatewayName(network)} ${rest}`, `-A ${OUTPUT} ${rest}`];
    }),
  );
  const shut = closed
    .map(gatewayName)
    .flatMap((device) => [`-A ${FORWARD} -i ${device} -j DROP`, `-A ${FORWARD} -o ${device} -j DROP`]);
  const any = `${GATEWAY_PREFIX}+`;
  // Packets from Docker's own containers also leave with this host's address.
  const masqueraded = tunnels
    ? [...DOCKER_BRIDGES, 'br-+'].map((bridge) => `-i ${bridge} -o ${tunnels.device}`)
    : [];
  const forged = [`-i ${any}`, ...masqueraded].flatMap((from) =>
    HOSTS_ONLY.map((port) => `-A ${FORWARD} ${from} -p ${port} -j DROP`),
  );
  return [
    '*nat',
    `:${POSTROUTING} - [0:0]`,
    `:${PREROUTING} - [0:0]`,
    `:${OUTPUT} - [0:0]`,
    ...masquerade,
    ...questions,
    'COMMIT',
    '*filter',
    `:${FORWARD} - [0:0]`,
    ...shut,
    `-A ${FORWARD} -i ${any} -o ${any} -j DROP`,
    ...forged,
    `-A ${FORWARD} -o ${any} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${FORWARD} -o ${any} -j DROP`,
    ...(uplink === undefined ? [] : [`-A ${FORWARD} -i ${any} -o ${uplink} -j ACCEPT`]),
    ...bridges.flatMap((bridge) => [
      `-A ${FORWARD} -i ${any} -o ${bridge} -m conntrack --ctstate DNAT,RELATED,ESTABLISHED -j RETURN`,
      `-A ${FORWARD} -i ${any} -o ${bridge} -j DROP`,
    ]),
    // A bridge that Docker has made since.
    `-A ${FORWARD} -i ${any} -o br-+ -j RETURN`,
    `-A ${FORWARD} -i ${any} -j ACCEPT`,
    'COMMIT',
    '*raw',
    `:${PREROUTING} - [0:0]`,
    `-A ${PREROUTING} -i ${PORT_PREFIX}+ -j DROP`,
    'COMMIT',
    '',
  ].join('\n');
}

const isInternal = ({ settings }: Network) => settings?.internal === true;

/** Makes forwarding and address translation those of these networks. May be repeated. */
export async function applyNat(run: Run, networks: Network[], way: Way): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  const bridges = [...DOCKER_BRIDGES, ...(await dockerBridges(run))].filter((name) => name !== way.uplink);
  await run(['iptables-restore', '--noflush', '--wait=5'], { input: natRules(networks, way, bridges) });
  for (const jump of CHAINS) {
    if (await hasJump(run, jump)) continue;
    // Inserted first, because Docker's policy for forwarded packets is DROP.
    await run(['iptables', '--wait=5', '-t', jump.table, '-I', jump.parent, '1', '-j', jump.chain]);
  }
}

async function dockerBridges(run: Run): Promise<string[]> {
  const text = await run(['ip', '-json', 'link', 'show', 'type', 'bridge']);
  const found = bridgeList.parse(JSON.parse(text || '[]'));
  return found.flatMap(({ ifname = '' }) => (DOCKER_BRIDGE.test(ifname) ? [ifname] : []));
}

async function hasJump(run: Run, { table, parent, chain }: Chain): Promise<boolean> {
  try {
    await run(['iptables', '--wait=5', '-t', table, '-C', parent, '-j', chain]);
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 1) return false;
    throw error;
  }
}

/** Removes everything that {@link applyNat} has made. May be repeated. */
export async function removeNat(run: Run): Promise<void> {
  for (const jump of CHAINS) {
    const { table, parent, chain } = jump;
    const iptables = (...args: string[]) => run(['iptables', '--wait=5', '-t', table, ...args]);
    while (await hasJump(run, jump).catch(() => false)) await iptables('-D', parent, '-j', chain);
    const exists = await succeeds(iptables('-n', '-L', chain));
    if (!exists) continue;
    await iptables('-F', chain);
    await iptables('-X', chain);
  }
}
