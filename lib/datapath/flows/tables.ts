/**
 * What all rules of the bridge are made of. There are five tables:
 *
 * 0. *admission*: a frame gets in only untagged, and from the port, MAC and address that belong together; it is marked
 *    with its network's VNI in `reg0`, and with where it came from in `reg1`.
 * 1. *ARP*: requests are answered here, for every address that exists; no other ARP packet gets any further.
 * 2. *in*: from the gateway comes nothing that another network has sent.
 * 3. *forwarding*: within the VNI, by destination MAC to one port or tunnel; broadcast and multicast to all of the VNI.
 * 4. *out*: to the gateway goes nothing that is for another network, or for the gateway of another.
 *
 * *In* and *out* keep networks apart on their own, whatever becomes of the host's firewall, as the host routes from any of them to
 * any other.
 *
 * What no rule allows is dropped. Each rule's cookie names its owner, so that all rules of an endpoint can be removed
 * without knowing them.
 */
export const ADMIT = 0;
export const ARP = 1;
export const IN = 2;
export const FORWARD = 3;
export const OUT = 4;

/** `reg1`: where a frame came from. A register that has never been written to is 0. */
export const FROM = { container: 0, tunnel: 1, gateway: 2 };

/** Broadcast and multicast. */
export const GROUP = 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00';
/** First half of every gateway's MAC address; containers have Docker's 02:42 unless somebody chose another. */
const GATEWAY_OUI = '02:53:50';
export const FROM_GATEWAY_MAC = `dl_src=${GATEWAY_OUI}:00:00:00/ff:ff:ff:00:00:00`;

/** The same on every host, so that a container may move without noticing. */
export function gatewayMac(vni: number): string {
  const hex = vni.toString(16).padStart(6, '0');
  return [GATEWAY_OUI, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4, 6)].join(':');
}

/** Actions that turn an ARP request into its answer and send it back. */
export function arpAnswer(ip: string, mac: string): string {
  return [
    'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
    `set_field:${mac}->eth_src`,
    'set_field:2->arp_op',
    'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
    'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
    `set_field:${mac}->arp_sha`,
    `set_field:${ip}->arp_spa`,
    'in_port',
  ].join(',');
}
