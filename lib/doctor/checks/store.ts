import { ok, type Check } from '../check.js';

/** Whether networks and addresses can be looked up and assigned: by this host's own store, or by Consul with a leader. */
export function storeCheck(options: {
  health: () => Promise<{ store: string }>;
  /** Consul's address, where the agent does not run Consul itself. */
  external: () => Promise<string | undefined>;
}): Check {
  return {
    name: 'store',
    async inspect() {
      const [{ store }, external] = await Promise.all([options.health(), options.external()]);
      const whose = external === undefined ? '' : ` (Consul at ${external})`;
      if (store.startsWith('ok')) return [ok(`answers${whose}`)];
      return [
        {
          level: 'problem',
          message: `${store}${whose}`,
          advice:
            external === undefined
              ? 'see that most hosts with a Consul server are up, and TCP and UDP 6676 to 6678 open between hosts'
              : 'see that this Consul runs, has a leader, and can be reached from here',
        },
      ];
    },
  };
}
