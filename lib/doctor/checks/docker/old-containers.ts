import { z } from 'zod';
import { NETWORK_LABEL } from '../../../docker/labels.js';
import { ok, type Check } from '../../check.js';

const containerList = z.array(
  z.object({
    Names: z.array(z.string()).nullish(),
    Labels: z.record(z.string(), z.string()).nullish(),
    HostConfig: z.object({ NetworkMode: z.string().default('') }),
  }),
);

/**
 * Containers that were made before SocketPlane was Docker's network driver: they were given no network by Docker. One that was made
 * past the proxy looks the same, where nobody reads its label.
 */
export function oldContainersCheck(ask: (path: string) => Promise<unknown>): Check {
  return {
    name: 'old containers',
    async inspect() {
      const filters = encodeURIComponent(JSON.stringify({ label: [NETWORK_LABEL] }));
      const all = containerList.parse(await ask(`/containers/json?all=1&filters=${filters}`));
      const old = all.filter(({ HostConfig }) => HostConfig.NetworkMode === 'none');
      if (old.length === 0) return [ok('none that has no network of Docker')];
      return old.map(({ Names, Labels }) => {
        const name = Names?.[0]?.replace(/^\//, '') ?? '';
        return {
          level: 'warning',
          message: `${name} is labelled for network ${Labels?.[NETWORK_LABEL]} and has none: made by an earlier SocketPlane, or past the proxy with --network none`,
          advice: `remove ${name} and make it again, through the proxy`,
        };
      });
    },
  };
}
