/** Ports that hosts use among themselves, on the underlay. docker-compose.yml and docs/operations.md list them too. */

/** TCP: hands the cluster's key to hosts on the same segment. */
export const ADMISSION_PORT = 6676;
/** TCP: RPC between Consul and its servers. */
export const CONSUL_SERVER_PORT = 6677;
/** TCP and UDP: Consul's gossip. */
export const GOSSIP_PORT = 6678;
/** All of the above. */
export const CLUSTER_PORTS = { first: ADMISSION_PORT, last: GOSSIP_PORT } as const;
/**
 * TCP and UDP, on the gateways of networks alone: containers' questions for names, which they send to {@link DNS_PORT}. That port
 * itself stays free on the host, for whatever a container publishes there on all addresses.
 */
export const NAMES_PORT = 6679;
export const DNS_PORT = 53;
/** UDP: containers' packets (RFC 7348). */
export const VXLAN_PORT = 4789;
