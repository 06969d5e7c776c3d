/** A network as every part of the system sees it. */
export interface Network {
  /** Name and identity: `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}`. */
  id: string;
  /** IPv4 CIDR with the host bits zero, for example `10.1.0.0/16`. */
  subnet: string;
  /** An address of the subnet, the first unless its creator chose another; the host answers on it. */
  gateway: string;
  /** Virtual network identifier, 1 to 2^24 − 1, unique in a cluster. */
  vni: number;
  /** What else its creator chose; absent when nothing was chosen. */
  settings?: NetworkSettings;
}

/** What a network's creator may choose besides name, subnet and gateway: the options of `docker network create`. */
export interface NetworkSettings {
  /** Whether containers have no way out of the network (`--internal`). */
  internal?: boolean;
  /** Whether the creator named the gateway, so that Docker's record of the network does too. */
  namesGateway?: boolean;
  /** CIDR inside the subnet from which addresses are taken that nobody asked for (`--ip-range`). */
  range?: string;
  /** Addresses by name that are never given away (`--aux-address`). */
  aux?: Record<string, string>;
  labels?: Record<string, string>;
  /** Driver options (`-o`) as the creator gave them. */
  options?: Record<string, string>;
}

/** A network and the version of its record, which a lease refers to so that it cannot outlive the network. */
export interface NetworkRecord {
  network: Network;
  version: number;
}

/** A container's place on a network, for as long as the container runs. */
export interface Endpoint {
  /** Docker's id of the endpoint, 64 hex digits: another one at each start. */
  id: string;
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
