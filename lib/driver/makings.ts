import type { Network } from '../base/model.js';

/**
 * Networks that this agent, or a client through the proxy, has Docker make at this moment. Docker tells a driver no name; but no two
 * networks share a subnet, so the subnet in Docker's call says which one it is. Nothing of ours has to be written into Docker's
 * record of the network, where tools would take it for a change.
 */
export interface Makings {
  /** @returns ends it */
  begin(network: Network): () => void;
  /** Name of the network with this subnet, CIDR, if it is being made. */
  nameOf(subnet: string): string | undefined;
}

export function createMakings(): Makings {
  const current = new Set<Network>();
  return {
    begin(network) {
      const own = { ...network };
      current.add(own);
      return () => void current.delete(own);
    },
    nameOf: (subnet) => [...current].find((network) => network.subnet === subnet)?.id,
  };
}
