/** A network as every part of the system sees it. */
export interface Network {
  /** Name and identity: `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}`. */
  id: string;
  /** IPv4 CIDR with the host bits zero, for example `10.1.0.0/16`. */
  subnet: string;
  /** First address of the subnet; the host answers on it. */
  gateway: string;
  /** Virtual network identifier, 1 to 2^24 − 1, unique in a cluster. */
  vni: number;
}

/** A network and the version of its record, which a lease refers to so that it cannot outlive the network. */
export interface NetworkRecord {
  network: Network;
  version: number;
}

/** One container's place on a network. */
export interface Endpoint {
  /** Full container id, 64 hex digits. */
  container: string;
  network: Network;
  /** Dotted quad inside `network.subnet`. */
  ip: string;
  /** Lower case, colon-separated. */
  mac: string;
}

/** An endpoint on another host. */
export interface Remote {
  network: Network;
  /** Dotted quad inside `network.subnet`. */
  ip: string;
  /** Lower case, colon-separated. */
  mac: string;
  /** The other host's address on the underlay. */
  peer: string;
}

/** What carries the cluster on this host: the cluster's own traffic, and the containers' traffic in tunnels. */
export interface Underlay {
  device: string;
  /** Dotted quad. */
  address: string;
  /** The address with the prefix length of the device's segment, for example `192.168.1.7/24`. */
  cidr: string;
}
