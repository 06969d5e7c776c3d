import { expect } from 'chai';
import { createSurroundings } from '../../../lib/network/surroundings.js';
import { messageOf } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createMembers } from '../../../lib/cluster/hosts/records.js';
import type { HostRoute } from '../../../lib/network/choose-subnet.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { until } from '../../support/until.js';

const LAN: HostRoute = { subnet: '10.1.0.0/16', what: 'the route 10.1.0.0/16 (dev eth0)' };
const RESOLVER: HostRoute = { subnet: '10.42.0.53', what: 'the name server 10.42.0.53' };

describe('surroundings of hosts', () => {
  function cluster() {
    const store = createMemoryStore();
    const stopping = new AbortController();
    const members = createMembers(store, silentLog);
    async function host(id: string, routes: HostRoute[], isMember = true) {
      const read = async () => routes;
      const ids = async () => (await members.list()).map(({ hostId }) => hostId);
      const self = { store, host: id, name: `name-${id}`, read };
      const surroundings = createSurroundings({ ...self, members: ids, log: silentLog });
      if (isMember)
        await members.put({ hostId: id, name: id, address: '192.0.2.1', joined: new Date(0).toISOString() });
      void surroundings.tell(stopping.signal);
      await until('its word', async () => (await store.get(`surroundings/${id}`)) !== null);
      const networks = createNetworks({
        ...{ store, hostRoutes: surroundings.routes },
        foreignNames: async () => [],
      });
      return { surroundings, networks };
    }
    return { store, host, members, end: () => stopping.abort() };
  }

  it('are kept free on all members, and named with the host', async () => {
    const { host, end } = cluster();
    const { networks } = await host('a', []);
    await host('b', [LAN, RESOLVER]);
    expect(await networks.create('web', { subnet: '10.1.7.0/24' }).catch(messageOf)).to.equal(
      'subnet 10.1.7.0/24 overlaps the route 10.1.0.0/16 (dev eth0) of host name-b',
    );
    expect(await networks.create('web', { subnet: '10.42.0.0/24' }).catch(messageOf)).to.equal(
      'subnet 10.42.0.0/24 overlaps the name server 10.42.0.53 of host name-b',
    );
    expect((await networks.create('web')).subnet, 'the first that nobody needs').to.equal('172.16.42.0/24');
    end();
  });

  it('of hosts that have left count no more, nor does what cannot be read', async () => {
    const { host, members, store, end } = cluster();
    const { networks } = await host('a', []);
    await host('b', [LAN]);
    await host('c', [RESOLVER], false);
    await members.remove('b');
    await members.put({ hostId: 'd', name: 'd', address: '192.0.2.1', joined: new Date(0).toISOString() });
    await store.commit([{ key: 'surroundings/d', value: '{"routes":' }]);
    expect((await networks.create('web')).subnet).to.equal('10.1.0.0/16');
    end();
  });

  it('are told again by a host that was forgotten, and by none that has left', async () => {
    const { host, store, end } = cluster();
    const { surroundings } = await host('a', [LAN]);
    end();
    await surroundings.forget('a');
    await surroundings.forget('a');
    expect(await store.list('surroundings/')).to.deep.equal([]);
    const again = new AbortController();
    void surroundings.tell(again.signal);
    await until('its word', async () => (await store.get('surroundings/a')) !== null);
    again.abort();
  });

  it('keep a host out of a cluster whose networks would hide them', async () => {
    const { host, end } = cluster();
    const { networks } = await host('a', []);
    await networks.create('web', { subnet: '10.42.0.0/16' });
    const { surroundings } = await host('b', [LAN, RESOLVER], false);
    expect(await surroundings.assertFit(await networks.list()).catch(messageOf)).to.equal(
      'network web (10.42.0.0/16) of the cluster overlaps the name server 10.42.0.53 of this host: remove one of them first',
    );
    const fits = await host('c', [LAN], false);
    await fits.surroundings.assertFit(await networks.list());
    end();
  });
});
