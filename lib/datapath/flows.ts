import type { Endpoint, Network } from '../types.js';

/**
 * The rules of the bridge, as text for `ovs-ofctl`. Three tables:
 *
 * 0. *admission*: a frame gets in only untagged, from the port, MAC and address that belong together; it is marked
 *    with its network's VNI in `reg0`.
 * 1. *ARP*: requests are answered here, for every address that exists; nothing else of ARP gets any further.
 * 2. *forwarding*: within the VNI, by destination MAC to one port; broadcast and multicast to all ports of the VNI.
 *
 * What no rule allows is dropped. Each rule's cookie says whose it is, so that all rules of an endpoint can be removed
 * without knowing them.
 */
const ARP = 1;
const FORWARD = 2;

/** Highest byte of a cookie: what kind of thing the rule belongs to. */
const KIND = { base: 1n, network: 2n, endpoint: 3n };
const GROUP_BIT = '01:00:00:00:00:00/01:00:00:00:00:00';

/** An endpoint or gateway on a port of the bridge, by OpenFlow port number. */
export interface Attached<T> {
  owner: T;
  ofport: number;
}

export function baseFlows(): string[] {
  return [0, ARP, FORWARD].map((table) => `cookie=${cookie('base')},table=${table},priority=0,actions=drop`);
}

export function endpointFlows({ owner: { network, ip, mac }, ofport }: Attached<Endpoint>): string[] {
  const head = `cookie=${cookie('endpoint', network.vni, ip)}`;
  const admit = `${head},table=0,priority=100,in_port=${ofport},dl_src=${mac},vlan_tci=0x0000`;
  return [
    `${admit},ip,nw_src=${ip},actions=${mark(network)},goto_table:${FORWARD}`,
    `${admit},arp,arp_op=1,arp_sha=${mac},arp_spa=${ip},actions=${mark(network)},goto_table:${ARP}`,
    ...reachable(head, network, ip, mac, ofport),
  ];
}

/** The gateway forwards for the outside, so its frames may carry any source address. */
export function gatewayFlows({ owner: network, ofport }: Attached<Network>): string[] {
  const head = `cookie=${cookie('network', network.vni)}`;
  const mac = gatewayMac(network.vni);
  const admit = `${head},table=0,priority=100,in_port=${ofport},dl_src=${mac},vlan_tci=0x0000`;
  return [
    `${admit},ip,actions=${mark(network)},goto_table:${FORWARD}`,
    `${admit},arp,arp_op=1,arp_sha=${mac},actions=${mark(network)},goto_table:${ARP}`,
    ...reachable(head, network, network.gateway, mac, ofport),
  ];
}

/** Broadcast and multicast. OpenFlow never sends a frame back to the port that it came from. */
export function floodFlow(network: Network, ofports: number[]): string {
  const outputs = ofports.map((ofport) => `output:${ofport}`);
  return (
    `cookie=${cookie('network', network.vni)},table=${FORWARD},priority=50,` +
    `reg0=${network.vni},dl_dst=${GROUP_BIT},actions=${outputs.join(',') || 'drop'}`
  );
}

/** Matches of `ovs-ofctl` that cover all rules of an endpoint, or of a network itself. */
export function endpointMatch(vni: number, ip: string): string {
  return `cookie=${cookie('endpoint', vni, ip)}/-1`;
}

export function networkMatch(vni: number): string {
  return `cookie=${cookie('network', vni)}/-1`;
}

/** The same on every host, so that a container may move without noticing. */
export function gatewayMac(vni: number): string {
  const hex = vni.toString(16).padStart(6, '0');
  return ['02', '53', '50', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6)].join(':');
}

function reachable(head: string, { vni }: Network, ip: string, mac: string, ofport: number): string[] {
  const reply = [
    'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    `set_field:${mac}->eth_src`,
    'set_field:2->arp_op',
    'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    `set_field:${mac}->arp_sha`,
    `set_field:${ip}->arp_spa`,
    'in_port',
  ];
  return [
    `${head},table=${ARP},priority=100,reg0=${vni},arp,arp_tpa=${ip},actions=${reply.join(',')}`,
    `${head},table=${FORWARD},priority=100,reg0=${vni},dl_dst=${mac},actions=output:${ofport}`,
  ];
}

function mark({ vni }: Network): string {
  return `set_field:${vni}->reg0`;
}

/** 8 bits of kind, 24 of VNI, 32 of address. */
function cookie(kind: keyof typeof KIND, vni = 0, ip = '0.0.0.0'): string {
  const address = ip.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return `0x${((KIND[kind] << 56n) | (BigInt(vni) << 32n) | address).toString(16)}`;
}
