import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog } from '../../../lib/base/log.js';
import { createHosts, createMembers } from '../../../lib/cluster/hosts/records.js';
import { readServers } from '../../../lib/cluster/servers/record.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { assertReadable, readFormat } from '../../../lib/store/format.js';
import { createMemoryStore } from '../../../lib/store/memory.js';

const FOLDER = join(import.meta.dirname, 'records');

/** Everything that two hosts of an earlier version had in their store, with a network and a container on each. */
describe('records of an earlier version', () => {
  for (const file of readdirSync(FOLDER)) {
    it(`are read: ${file}`, async () => {
      const records = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Record<string, string>;
      const store = createMemoryStore();
      for (const [key, value] of Object.entries(records)) await store.commit([{ key, value }]);
      await assertReadable(store);
      expect((await readFormat(store)).format).to.equal(1);

      const invalid: unknown[] = [];
      const onInvalid = (error: unknown) => void invalid.push(error);
      const networks = createNetworks({
        ...{ store, onInvalid },
        hostRoutes: async () => [],
        foreignNames: async () => [],
      });
      expect((await networks.list()).map(({ id }) => id)).to.have.members(['socketplane', 'web']);
      const members = await createMembers(store, silentLog).list();
      const hosts = await createHosts(store, silentLog).list();
      expect(members.map(({ name }) => name).sort()).to.deep.equal(['h1', 'h2']);
      expect(hosts.map(({ hostId }) => hostId).sort()).to.deep.equal(
        members.map(({ hostId }) => hostId).sort(),
      );
      expect((await readServers(store)).servers).to.have.length(1);
      const ipam = createIpam({ store, host: members[0]!.hostId, onInvalid });
      await ipam.load();
      const leases = [...ipam.index.all()].map(({ names, up, kept }) => ({ name: names[0], up, kept }));
      expect(leases).to.have.deep.members([
        { name: 'con1', up: true, kept: true },
        { name: 'con2', up: true, kept: true },
      ]);
      expect(invalid).to.deep.equal([]);
    });
  }
});
