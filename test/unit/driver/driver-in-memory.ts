import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContainers } from '../../../lib/agent/containers.js';
import { silentLog } from '../../../lib/base/log.js';
import { CALLS } from '../../../lib/driver/calls.js';
import { FIXED_ANSWERS } from '../../../lib/plugin/calls.js';
import { createDockerNetworks } from '../../../lib/driver/docker-networks.js';
import type { Driver } from '../../../lib/driver/driver.js';
import { createMakings } from '../../../lib/driver/makings.js';
import { createOffers } from '../../../lib/driver/pools.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';
import { createFakeDocker } from '../../support/fake-docker.js';

/** The driver on a store and a bridge in memory; nothing but Docker and the agent's loops is missing. */
export function driverInMemory({
  file = join(mkdtempSync(join(tmpdir(), 'driver-')), 'networks.json'),
} = {}) {
  const store = createMemoryStore();
  const networks = createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] });
  const ipam = createIpam({ store, host: 'h1' });
  const bridge = createFakeDatapath();
  const dockerNetworks = createDockerNetworks(file, silentLog);
  const docker = createFakeDocker().docker;
  const containers = createContainers({
    ...{ docker, dockerNetworks, networks, ipam, datapath: bridge.datapath, log: silentLog },
    onUndone: () => undefined,
    // Is asked whether links exist.
    run: async (argv) => {
      if (!bridge.links.has(argv.at(-1) ?? '')) throw new Error('there is no such link');
      return '';
    },
  });
  const { addresses, endpoints, table } = containers;
  const driver: Driver = {
    ...{ networks, addresses, endpoints, dockerNetworks },
    offers: createOffers(),
    makings: createMakings(),
  };
  return {
    ...{
      driver,
      makings: driver.makings,
      store,
      networks,
      ipam,
      addresses,
      endpoints,
      table,
      bridge,
      dockerNetworks,
    },
    /**
     * Makes one of Docker's calls, answered by plugin process and agent as one. @param name such as `IpamDriver.RequestPool`
     */
    async call(name: string, body: unknown): Promise<object> {
      const fixed = (FIXED_ANSWERS as Record<string, object>)[`/${name}`];
      return fixed ?? CALLS.get(`/${name}`)!(driver, body);
    },
  };
}
