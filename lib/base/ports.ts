/** Ports that hosts use among themselves, on the underlay. docker-compose.yml and docs/operations.md list them too. */

/** TCP: hands the cluster's key to hosts on the same segment. */
export const ADMISSION_PORT = 6676;
/** TCP: RPC between Consul and its servers. */
export const CONSUL_SERVER_PORT = 6677;
/** TCP and UDP: Consul's gossip. */
export const GOSSIP_PORT = 6678;
/** All of the above. */
export const CLUSTER_PORTS = { first: ADMISSION_PORT, last: GOSSIP_PORT } as const;
/** UDP and TCP: name servers. */
export const DNS_PORT = 53;
/**
 * UDP and TCP, on the networks' gateway addresses: the containers' name server. What they send to port 53 there is redirected to it, so
 * port 53 itself stays free for name servers of the user's.
 */
export const NAMES_PORT = 6679;
/** TCP: tells members that start whether their identity is in use. */
export const IDENTITY_PORT = 6681;
/** UDP: multicast DNS (RFC 6762). */
export const MDNS_PORT = 5353;
/**
 * UDP: containers' packets, unless whoever began the cluster chose another port. Not VXLAN's own port (RFC 7348), because of which Docker
 * Swarm, flannel and others on the same host would be in the way.
 */
export const DEFAULT_VXLAN_PORT = 6680;
/** The same in clusters that were begun before the port could be chosen: that of RFC 7348. */
export const FORMER_VXLAN_PORT = 4789;
