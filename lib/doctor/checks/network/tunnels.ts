import { VXLAN_PORT } from '../../../base/ports.js';
import { ok, type Check, type Finding } from '../../check.js';

/** Whether packets in tunnels reach every other host and come back. */
export function tunnelsCheck(options: {
  peers: () => Promise<{ name: string; address: string }[]>;
  /** Why this host cannot have tunnels. */
  problem: () => Promise<string | undefined>;
  /** Those of the addresses that can be reached. */
  reach: (addresses: string[]) => Promise<ReadonlySet<string>>;
}): Check {
  return {
    name: 'tunnels',
    async inspect() {
      const peers = await options.peers();
      if (peers.length === 0) return [ok('there are no other hosts')];
      const problem = await options.problem();
      if (problem !== undefined) return [{ level: 'problem', message: problem }];
      const reached = await options.reach(peers.map(({ address }) => address));
      return peers.map(({ name, address }): Finding => {
        if (reached.has(address)) return ok(`${name}: its packets get there and back`);
        return {
          level: 'problem',
          message: `${name}: no packet of a tunnel gets to ${address} and back`,
          advice: `let UDP ${VXLAN_PORT} through on both hosts and whatever is between them`,
        };
      });
    },
  };
}
