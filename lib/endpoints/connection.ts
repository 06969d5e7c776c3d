import type { Network } from '../base/model.js';

/**
 * `starting`: Docker is starting the container. `up`: it has its address. `down`: it does not run; its address is kept.
 * `failed`: it runs, but its packets get nowhere, and mending that will be tried again.
 */
export type ConnectionState = 'starting' | 'up' | 'down' | 'failed';

/** A container's place on a network, as people see it. */
export interface Connection {
  /** Full id; empty until Docker has said whose endpoint it is. */
  container: string;
  /** Empty until it is known. */
  name: string;
  /** 0 when the container does not run, or it is not known. */
  pid: number;
  network: Network;
  /** Dotted quad. */
  ip: string;
  /** Lower case, colon-separated. */
  mac: string;
  state: ConnectionState;
  /** Why `state` is `failed`. */
  reason?: string;
  /** Docker's id of the endpoint, while there is one. */
  endpoint?: string;
  /** The host's end of the link, while there is one. */
  port?: string;
}
