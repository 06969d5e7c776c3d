import { randomUUID } from 'node:crypto';
import { silentLog } from '../../../lib/log.js';
import { createConsulClient } from '../../../lib/store/consul/client.js';
import { createConsulStore } from '../../../lib/store/consul.js';
import { consulServers, type ConsulServer } from '../../lab/consul.js';
import { createLab, type Lab } from '../../lab/lab.js';
import { describeStore } from '../../support/store-contract.js';

describe('the store on one Consul server', function () {
  this.timeout(20_000);
  let lab: Lab;
  let server: ConsulServer;

  before(async function () {
    this.timeout(60_000);
    lab = await createLab();
    [server] = consulServers([await lab.addHost()]) as [ConsulServer];
    await server.start();
    await server.ready();
  });
  after(() => lab.destroy());

  const open = async (prefix = `test/${randomUUID()}/`) =>
    createConsulStore({ client: createConsulClient({ address: server.address }), prefix, log: silentLog });

  describeStore('consul', () => open());
});
