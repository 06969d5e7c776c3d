import { z } from 'zod';
import { DRIVER } from '../../../docker/driver-names.js';
import { ok, type Check } from '../../check.js';

const networkList = z.array(z.object({ Id: z.string(), Name: z.string(), Driver: z.string() }));
const inspection = z.object({ Containers: z.record(z.string(), z.object({ Name: z.string() })).nullish() });

/** Docker shows an endpoint whose container it does not know, or that does not run, under the endpoint's own id. */
const STRAY = /^ep-/;

/**
 * Endpoints that Docker kept in a crash: the container cannot start ("endpoint with name … already exists"), the network cannot
 * be removed ("has active endpoints").
 */
export function staleEndpointsCheck(options: {
  ask: (path: string) => Promise<unknown>;
  /** Ids of all containers, running or not. */
  containers: () => Promise<ReadonlySet<string>>;
}): Check {
  const { ask, containers } = options;
  return {
    name: 'endpoints',
    async inspect() {
      const [networks, known] = await Promise.all([ask('/networks'), containers()]);
      const ours = networkList.parse(networks).filter(({ Driver }) => Driver === DRIVER);
      const found = await Promise.all(
        ours.map(async ({ Id, Name: network }) => {
          const { Containers } = inspection.parse(await ask(`/networks/${Id}`));
          return Object.entries(Containers ?? {})
            .filter(([id]) => STRAY.test(id) || !known.has(id))
            .map(([, { Name: name }]) => ({
              level: 'problem' as const,
              message: `Docker has kept an endpoint of ${name} on ${network}, which nothing uses`,
              advice: `docker network disconnect -f ${network} ${name}`,
            }));
        }),
      );
      return found.flat().length > 0 ? found.flat() : [ok('each has its container')];
    },
  };
}
