import type { Datapath } from '../datapath/datapath.js';
import { AppError, messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Network } from '../base/model.js';
import type { NetworkChoice, Networks } from './networks.js';

/** Creates and removes networks, in the store and on this host's data plane. Other hosts follow the store. */
export interface NetworkCarrier {
  /**
   * Creates a network; when this host cannot carry it, it is not created. Throws what `Networks.create` and the data plane
   * throw, and `conflict` when it was removed in the meantime.
   */
  create(id: string, choice?: NetworkChoice): Promise<Network>;
  /** Puts back a network that was removed a moment ago, see `Networks.restore`. It stays when this host cannot carry it. */
  restore(network: Network): Promise<Network>;
  /** Throws what `Networks.get` and `Networks.remove` throw. */
  remove(id: string): Promise<void>;
}

export function createNetworkCarrier({
  networks,
  datapath,
  returned,
  log,
}: {
  networks: Pick<Networks, 'create' | 'find' | 'get' | 'remove' | 'restore'>;
  datapath: Pick<Datapath, 'open' | 'ensureNetwork' | 'removeNetwork'>;
  /** Resolves when the addresses of the network that Docker has given back are free: its last container may have ended just now. */
  returned: (network: string) => Promise<void>;
  log: Log;
}): NetworkCarrier {
  async function assertThere(network: Network): Promise<Network> {
    if ((await networks.find(network.id))?.network.vni === network.vni) return network;
    // This host may have heard of both changes before it carried the network, and would then never remove it.
    await datapath.removeNetwork(network);
    throw new AppError('conflict', `network ${network.id} was removed meanwhile`);
  }

  /** @returns the error for the caller: why the network cannot be carried and, if it could not be taken back, what is left */
  async function takeBack({ id }: Network, cause: unknown): Promise<unknown> {
    try {
      await networks.remove(id);
      return cause;
    } catch (error) {
      const left = messageOf(error);
      log.error('a network that cannot be carried is left in the store', {
        network: id,
        cause: messageOf(cause),
        error: left,
      });
      return new AppError(
        cause instanceof AppError ? cause.kind : 'internal',
        `${messageOf(cause)}; nor could network ${id} be taken back (${left}): \`socketplane network delete ${id}\` does that`,
        { cause },
      );
    }
  }

  return {
    async create(id, choice) {
      // Checked first: without Open vSwitch, nothing is created that would have to be taken back.
      await datapath.open();
      const network = await networks.create(id, choice);
      try {
        await datapath.ensureNetwork(network);
      } catch (cause) {
        throw await takeBack(network, cause);
      }
      return assertThere(network);
    },
    async restore(removed) {
      const network = await networks.restore(removed);
      await datapath.ensureNetwork(network);
      return assertThere(network);
    },
    async remove(id) {
      const network = await networks.get(id);
      await returned(id);
      await networks.remove(id);
      // It is gone from the cluster, whatever happens here: the next look at the bridge removes what is left.
      await datapath
        .removeNetwork(network)
        .catch((error: unknown) =>
          log.warn('a removed network is still on the bridge', { network: id, error: messageOf(error) }),
        );
    },
  };
}
