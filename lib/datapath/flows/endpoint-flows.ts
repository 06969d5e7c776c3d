import type { Endpoint, Network } from '../../base/model.js';
import { cookie } from './cookie.js';
import {
  ADMIT,
  ARP,
  arpAnswer,
  FORWARD,
  FROM,
  FROM_GATEWAY_MAC,
  gatewayMac,
  GROUP,
  IN,
  OUT,
} from './tables.js';

/** An endpoint or gateway on a port of the bridge, by OpenFlow port number. */
export interface OnPort<T> {
  owner: T;
  ofport: number;
}

/** OpenFlow port numbers to which a network's broadcasts go. */
export interface FloodPorts {
  containers: number[];
  gateway: number[];
  /** Tunnels to the hosts that have an endpoint on the network. */
  tunnels: number[];
}

export function baseFlows(): string[] {
  const head = `cookie=${cookie('base')}`;
  return [
    ...[ADMIT, ARP, IN, FORWARD, OUT].map((table) => `${head},table=${table},priority=0,actions=drop`),
    // Each host has a gateway of its own for every network, so no frame from another host's gateway belongs here.
    `${head},table=${FORWARD},priority=200,reg1=${FROM.tunnel},${FROM_GATEWAY_MAC},actions=drop`,
  ];
}

export function endpointFlows({ owner: { network, ip, mac }, ofport }: OnPort<Endpoint>): string[] {
  const head = `cookie=${cookie('endpoint', network.vni, ip)}`;
  const admit = `${head},table=${ADMIT},priority=100,in_port=${ofport},dl_src=${mac},vlan_tci=0x0000`;
  const mark = `set_field:${network.vni}->reg0`;
  return [
    `${admit},ip,nw_src=${ip},actions=${mark},goto_table:${FORWARD}`,
    `${admit},arp,arp_op=1,arp_sha=${mac},arp_spa=${ip},actions=${mark},goto_table:${ARP}`,
    `${head},table=${ARP},priority=100,reg0=${network.vni},arp,arp_tpa=${ip},actions=${arpAnswer(ip, mac)}`,
    `${head},table=${FORWARD},priority=100,reg0=${network.vni},dl_dst=${mac},actions=output:${ofport}`,
  ];
}

/**
 * The gateway forwards packets from outside, so its frames may carry any source address but those of other networks. It answers
 * only this host's containers.
 */
export function gatewayFlows({ owner, ofport }: OnPort<Network>): string[] {
  const { vni, gateway } = owner;
  const head = `cookie=${cookie('network', vni)}`;
  const mac = gatewayMac(vni);
  const admit = `${head},table=${ADMIT},priority=100,in_port=${ofport},dl_src=${mac},vlan_tci=0x0000`;
  const mark = `set_field:${vni}->reg0,set_field:${FROM.gateway}->reg1`;
  const local = `reg0=${vni},reg1=${FROM.container}`;
  return [
    `${admit},ip,actions=${mark},goto_table:${IN}`,
    `${admit},arp,arp_op=1,arp_sha=${mac},actions=${mark},goto_table:${ARP}`,
    `${head},table=${ARP},priority=100,reg0=${vni},arp,arp_tpa=${gateway},actions=${arpAnswer(gateway, mac)}`,
    `${head},table=${FORWARD},priority=100,${local},dl_dst=${mac},actions=goto_table:${OUT}`,
    ...passage(owner, `${head},table=${OUT}`, 'nw_dst', `output:${ofport}`),
    ...passage(owner, `${head},table=${IN}`, 'nw_src', `goto_table:${FORWARD}`),
  ];
}

/**
 * What may pass the gateway in one direction: addresses of this network, none of any other, and of the rest of the world all.
 * Nothing but the gateway itself is beyond that of an internal network.
 *
 * @param far the field with the address beyond the gateway
 */
function passage(
  { vni, subnet, gateway, settings }: Network,
  head: string,
  far: 'nw_src' | 'nw_dst',
  pass: string,
): string[] {
  const isInternal = settings?.internal === true;
  return [
    `${head},priority=30,reg0=${vni},ip,${far}=${isInternal ? gateway : subnet},actions=${pass}`,
    `${head},priority=20,ip,${far}=${subnet},actions=drop`,
    ...(isInternal ? [] : [`${head},priority=10,reg0=${vni},actions=${pass}`]),
  ];
}

/**
 * Broadcast and multicast: frames from a container go everywhere, all others only to this host's containers, so that no frame
 * ever goes from tunnel to tunnel or from a gateway to another host. OpenFlow never sends a frame back where it came from.
 */
export function floodFlows({ vni }: Network, { containers, gateway, tunnels }: FloodPorts): string[] {
  const head = `cookie=${cookie('network', vni)},table=${FORWARD}`;
  const outputs = (ofports: number[]) => ofports.map((ofport) => `output:${ofport}`);
  const here = outputs(containers);
  const elsewhere = tunnels.length === 0 ? [] : [`set_field:${vni}->tun_id`, ...outputs(tunnels)];
  const all = [...outputs(gateway), ...here, ...elsewhere];
  return [
    `${head},priority=60,reg0=${vni},reg1=${FROM.container},${GROUP},actions=${all.join(',') || 'drop'}`,
    `${head},priority=50,reg0=${vni},${GROUP},actions=${here.join(',') || 'drop'}`,
  ];
}
