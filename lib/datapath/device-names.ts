import type { Network } from '../base/model.js';

/** Prefix of the host's end of an endpoint's link. iptables rules and people recognise these devices by it. */
export const PORT_PREFIX = 'ovs';
/** Prefix of the other end until Docker moves it into the container and calls it `eth0`. */
const PEER_PREFIX = 'ovp';
export const GATEWAY_PREFIX = 'sp';
const TUNNEL_PREFIX = 'vx';

/** Candidates for the name of an endpoint's port, best first: each is eight hex digits of its id. */
export function* portNames(endpoint: string): Generator<string> {
  for (let start = 0; start + 8 <= endpoint.length; start += 8) {
    yield PORT_PREFIX + endpoint.slice(start, start + 8);
  }
}

/** The end of a port's link that Docker moves. */
export function peerName(port: string): string {
  return PEER_PREFIX + port.slice(PORT_PREFIX.length);
}

export function gatewayName({ vni }: Pick<Network, 'vni'>): string {
  return GATEWAY_PREFIX + vni.toString(16).padStart(8, '0');
}

/** @param peer the other host's address on the underlay */
export function tunnelName(peer: string): string {
  const octets = peer.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return TUNNEL_PREFIX + octets.join('');
}

/** Whether a device is a network's gateway, made by this agent or by an earlier one. */
export function isGatewayName(device: string): boolean {
  return /^sp[0-9a-f]{8}$/.test(device);
}

/** Whether a device is the host's end of an endpoint's link. */
export function isPortName(device: string): boolean {
  return /^ovs[0-9a-f]{8}$/.test(device);
}

/** Whether a device is the host's end of an endpoint's link, or the other end before it is moved. */
export function isEndpointLink(device: string): boolean {
  return /^ov[sp][0-9a-f]{8}$/.test(device);
}
