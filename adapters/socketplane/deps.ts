import type { Network } from '../../lib/base/model.js';
import type { Docker } from '../../lib/docker/docker.js';
import type { FanOut } from '../../lib/driver/fan-out.js';
import type { Addresses } from '../../lib/endpoints/addresses.js';
import type { NetworkCarrier } from '../../lib/network/carry.js';
import type { Networks } from '../../lib/network/networks.js';

/** What the hooks act on. */
export interface AdapterOptions {
  networks: Pick<Networks, 'find' | 'get' | 'heard'>;
  carrier: NetworkCarrier;
  addresses: Pick<Addresses, 'keep' | 'foresee' | 'assign' | 'abandon'>;
  fanOut: FanOut;
  docker: Pick<Docker, 'inspect' | 'networks'>;
}

export interface Deps extends AdapterOptions {
  /**
   * The network of ours that a reference in a call means: by name, or by Docker's id. Undefined when Docker means one of its
   * own by it, or none. Throws `unavailable` when that cannot be found out.
   */
  find(reference: string): Promise<Network | undefined>;
  /** The cluster's network of this name, whatever Docker has on this host. Throws `unavailable`. */
  named(name: string): Promise<Network | undefined>;
}
