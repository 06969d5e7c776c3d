import type { KeptMachine } from '../../cluster/identity/identity.js';
import { ok, type Check } from '../check.js';

/** Whether this host has been told apart from another one, of whose disk it has a copy. */
export function identityCheck(options: {
  id: () => Promise<string>;
  kept: () => Promise<KeptMachine | undefined>;
}): Check {
  return {
    name: 'identity',
    async inspect() {
      const [id, kept] = await Promise.all([options.id(), options.kept()]);
      const copyOf = kept?.copyOf;
      if (!copyOf) return [ok(`is ${id}`)];
      const { name, address, time } = copyOf;
      return [ok(`is ${id} since ${time}: this host's disk is a copy of ${name}'s (${address})`)];
    },
  };
}
