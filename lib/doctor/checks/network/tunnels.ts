import { ok, type Check, type Finding } from '../../check.js';

/** Whether packets in tunnels reach every other host and come back. */
export function tunnelsCheck(options: {
  /** `problem`: why there is no tunnel to a host. */
  peers: () => Promise<{ name: string; address: string; problem?: string | undefined }[]>;
  /** UDP port of tunnels. */
  port: () => Promise<number>;
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
      const made = peers.filter((peer) => peer.problem === undefined);
      const problem = made.length === peers.length ? await options.problem() : undefined;
      if (problem !== undefined) return [{ level: 'problem', message: problem }];
      const port = await options.port();
      const reached = await options.reach(made.map(({ address }) => address));
      return peers.map(({ name, address, problem: fault }): Finding => {
        if (fault !== undefined) return { level: 'problem', message: `${name}: ${fault}` };
        if (reached.has(address)) return ok(`${name}: its packets get there and back`);
        return {
          level: 'problem',
          message: `${name}: no packet of a tunnel gets to ${address} and back`,
          advice: `let UDP ${port} through on both hosts and whatever is between them`,
        };
      });
    },
  };
}
