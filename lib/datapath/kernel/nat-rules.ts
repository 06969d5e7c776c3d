import type { Network } from '../../base/model.js';
import { CLUSTER_PORTS, DNS_PORT, IDENTITY_PORT, NAMES_PORT } from '../../base/ports.js';
import { GATEWAY_PREFIX, gatewayName, PORT_PREFIX } from '../device-names.js';
import type { UnderlayState } from './underlay.js';

const CLUSTER = `${CLUSTER_PORTS.first}:${CLUSTER_PORTS.last}`;
/**
 * Ports on which hosts trust a packet's source address: that of tunnels, and those of the cluster. What a container sends to
 * other hosts carries this host's address, so it must not get there, whatever its destination: a list of hosts would be too
 * late for a new one.
 */
const hostsOnly = (vxlanPort: number) => [
  `udp --dport ${vxlanPort}`,
  `tcp --dport ${CLUSTER}`,
  `udp --dport ${CLUSTER}`,
  `tcp --dport ${IDENTITY_PORT}`,
];
/** Those that Docker always calls so: its default bridge, and the one on which it publishes ports of our containers. */
export const DOCKER_BRIDGES = ['docker0', 'docker_gwbridge'];
/** Where packets leave this host: towards the world, and towards other hosts. */
export interface Egress extends Pick<UnderlayState, 'uplink' | 'tunnels'> {
  /** UDP port of tunnels. */
  vxlanPort: number;
}

const [POSTROUTING, FORWARD, PREROUTING, OUTPUT, MSS] = [
  'SOCKETPLANE-POSTROUTING',
  'SOCKETPLANE-FORWARD',
  'SOCKETPLANE-PREROUTING',
  'SOCKETPLANE-OUTPUT',
  'SOCKETPLANE-MSS',
] as const;
export const INPUT = 'SOCKETPLANE-INPUT';

/** SocketPlane's chains, and the kernel's chain from which each branches off. */
export const CHAINS = [
  { table: 'nat', parent: 'POSTROUTING', chain: POSTROUTING },
  { table: 'nat', parent: 'PREROUTING', chain: PREROUTING },
  { table: 'nat', parent: 'OUTPUT', chain: OUTPUT },
  { table: 'filter', parent: 'FORWARD', chain: FORWARD },
  { table: 'filter', parent: 'INPUT', chain: INPUT },
  { table: 'mangle', parent: 'FORWARD', chain: MSS },
  { table: 'raw', parent: 'PREROUTING', chain: PREROUTING },
] as const;
export type Chain = (typeof CHAINS)[number];

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
 * - Containers ask their name server on the gateway, and other hosts send through tunnels, whatever else this host lets in.
 * - TCP connections through a gateway agree on segments that fit both sides, as the message that a packet is too large may get
 *   lost: between a Docker in a container and the world, or in a firewall.
 * - The host's ends of container ports belong to Open vSwitch alone: in the userspace datapath the kernel would
 *   otherwise see each frame too, and route it past the bridge's rules.
 */
export function natRules(
  networks: Network[],
  { uplink, tunnels, vxlanPort }: Egress,
  bridges = DOCKER_BRIDGES,
  peers: readonly string[] = [],
): string {
  const [closed, open] = [networks.filter(isInternal), networks.filter((network) => !isInternal(network))];
  const masquerade = open.map(
    (network) => `-A ${POSTROUTING} -s ${network.subnet} ! -o ${gatewayName(network)} -j MASQUERADE`,
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
    hostsOnly(vxlanPort).map((port) => `-A ${FORWARD} ${from} -p ${port} -j DROP`),
  );
  const protocols = ['udp', 'tcp'];
  const questions = networks.flatMap((network) =>
    protocols.flatMap((protocol) => {
      const { gateway } = network;
      const rest = `-d ${gateway}/32 -p ${protocol} --dport ${DNS_PORT} -j DNAT --to-destination ${gateway}:${NAMES_PORT}`;
      return [`-A ${PREROUTING} -i ${gatewayName(network)} ${rest}`, `-A ${OUTPUT} ${rest}`];
    }),
  );
  const names = networks.flatMap((network) =>
    protocols.map(
      (protocol) =>
        `-i ${gatewayName(network)} -d ${network.gateway}/32 -p ${protocol} --dport ${NAMES_PORT}`,
    ),
  );
  const tunnelled = peers.map((peer) => `-s ${peer} -p udp --dport ${vxlanPort}`);
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
    `:${INPUT} - [0:0]`,
    ...[...names, ...tunnelled].map((what) => `-A ${INPUT} ${what} -j ACCEPT`),
    'COMMIT',
    '*mangle',
    `:${MSS} - [0:0]`,
    ...['-i', '-o'].map(
      (direction) =>
        `-A ${MSS} ${direction} ${any} -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`,
    ),
    'COMMIT',
    '*raw',
    `:${PREROUTING} - [0:0]`,
    `-A ${PREROUTING} -i ${PORT_PREFIX}+ -j DROP`,
    'COMMIT',
    '',
  ].join('\n');
}

const isInternal = ({ settings }: Network) => settings?.internal === true;
