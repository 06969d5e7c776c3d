import type { Remote } from '../../base/model.js';
import { echoFlows } from './echo.js';
import { cookie } from './cookie.js';
import { ADMIT, ARP, arpAnswer, FORWARD, FROM } from './tables.js';

/**
 * Admission from another host. Open vSwitch hands a packet to this port only if it comes from the peer's address; the inner
 * frame was admitted there. ARP never crosses tunnels, because each host answers it itself.
 */
export function tunnelFlows(peer: string, ofport: number): string[] {
  const match = `in_port=${ofport},vlan_tci=0x0000,ip`;
  const mark = `move:NXM_NX_TUN_ID[0..31]->NXM_NX_REG0[],set_field:${FROM.tunnel}->reg1`;
  return [
    `cookie=${cookie('tunnel', 0, peer)},table=${ADMIT},priority=100,${match},actions=${mark},goto_table:${FORWARD}`,
    ...echoFlows(peer, ofport),
  ];
}

/**
 * The way to an endpoint on another host, for this host's containers only. While an address moves to or from this host,
 * both hosts may be known to have it; an endpoint on this host then takes precedence.
 */
export function remoteFlows({ network: { vni }, ip, mac }: Remote, tunnel: number): string[] {
  const head = `cookie=${cookie('remote', vni, ip)}`;
  const local = `reg0=${vni},reg1=${FROM.container}`;
  return [
    `${head},table=${ARP},priority=90,${local},arp,arp_tpa=${ip},actions=${arpAnswer(ip, mac)}`,
    `${head},table=${FORWARD},priority=90,${local},dl_dst=${mac},actions=set_field:${vni}->tun_id,output:${tunnel}`,
  ];
}
