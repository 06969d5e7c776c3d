import { ok, type Check } from '../check.js';
import { shortId } from '../../base/short-id.js';

/** Addresses whose container does not exist on this host. */
export function leasesCheck(options: {
  leased: () => Promise<{ name: string; container: string }[]>;
  /** Ids of all containers, running or not. */
  containers: () => Promise<ReadonlySet<string>>;
  converge: () => Promise<unknown>;
}): Check {
  return {
    name: 'leases',
    needs: 'store',
    async inspect() {
      const there = await options.containers();
      const leaked = (await options.leased()).filter(({ container }) => !there.has(container));
      if (leaked.length === 0) return [ok('every address has its container')];
      return leaked.map(({ name, container }) => ({
        level: 'problem',
        message: `container ${name || shortId(container)} is gone and its address is not free`,
        advice: '`doctor --fix` lets the agent clear up',
        fix: options.converge,
      }));
    },
  };
}
