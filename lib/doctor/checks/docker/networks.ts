import { z } from 'zod';
import { DRIVER } from '../../../docker/driver-names.js';
import { ok, type Check, type Finding } from '../../check.js';

const networkList = z.array(
  z.object({ Name: z.string(), Driver: z.string(), IPAM: z.object({ Driver: z.string() }).nullish() }),
);

/** Whether Docker has the cluster's networks, as SocketPlane's. */
export function dockerNetworksCheck(options: {
  ask: (path: string) => Promise<unknown>;
  /** Names of the cluster's networks. */
  wanted: () => Promise<string[]>;
  converge: () => Promise<unknown>;
}): Check {
  const { ask, wanted, converge } = options;
  const problem = (message: string, advice: string): Finding => ({ level: 'problem', message, advice });
  return {
    name: 'networks',
    needs: 'store',
    async inspect() {
      const there = networkList.parse(await ask('/networks'));
      const names = await wanted();
      const found: Finding[] = [];
      for (const { Name: name, IPAM } of there.filter(({ Driver }) => Driver === DRIVER)) {
        if (IPAM?.Driver === DRIVER) continue;
        const how = `docker network rm ${name}, and make it with --ipam-driver ${DRIVER}`;
        found.push(
          problem(`${name} takes its addresses from another IPAM driver: hosts give one address twice`, how),
        );
      }
      for (const name of names) {
        const named = there.filter(({ Name }) => Name === name);
        // Docker may have several of one name.
        const own = named.find(({ Driver }) => Driver !== DRIVER);
        if (named.length === 0) {
          found.push({
            ...problem(`${name} is missing in Docker`, '`doctor --fix` lets the agent make it'),
            fix: converge,
          });
        } else if (own) {
          const how = `docker network rm ${name}: SocketPlane's takes its place`;
          found.push(
            problem(`${name} is a network of Docker's own (driver ${own.Driver}) on this host`, how),
          );
        }
      }
      return found.length > 0 ? found : [ok(`Docker has all ${names.length}`)];
    },
  };
}
