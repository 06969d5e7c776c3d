import { expect } from 'chai';
import { createMembers } from '../../../../lib/cluster/hosts/records.js';
import { createServersRecord, readServers } from '../../../../lib/cluster/servers/record.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';

/** What a host is told of the servers at first, where these are the members and servers on record. */
async function firstList(
  host: string,
  members: string[],
  servers: string[],
  isServer = servers.includes(host),
): Promise<string[] | undefined> {
  const store = createMemoryStore();
  if (servers.length > 0) await store.commit([{ key: 'servers', value: JSON.stringify(servers) }]);
  for (const [index, hostId] of members.entries()) {
    const joined = new Date(index).toISOString();
    await createMembers(store, silentLog).put({ hostId, name: hostId, address: '192.0.2.1', joined });
  }
  let told: string[] | undefined;
  const end = new AbortController();
  const onChange = (list: string[]) => (told ??= list);
  void createServersRecord(store, host, () => isServer, silentLog).keep(onChange, end.signal);
  await new Promise((resolve) => setTimeout(resolve, 20));
  end.abort();
  return told;
}

describe('record of servers', () => {
  it('is begun anew by a server where it cannot be understood', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'servers', value: 'garbage' }]);
    expect((await readServers(store)).servers).to.deep.equal([]);
  });

  it('begins with the server that there is, whoever was on record first', async () => {
    expect(await firstList('h1', ['h2', 'h1'], [], true)).to.deep.equal(['h1']);
    expect(await firstList('h1', ['h2', 'h3', 'h1'], [], true)).to.deep.equal(['h1', 'h2', 'h3']);
    expect(await firstList('h1', ['h2'], [], true), 'not on record yet').to.deep.equal(['h1']);
    expect(await firstList('h2', ['h2'], [], false), 'no server').to.equal(undefined);
  });

  it('is completed by a server', async () => {
    expect(await firstList('h1', ['h1', 'h2', 'h3'], ['h1'])).to.deep.equal(['h1', 'h2', 'h3']);
  });

  it('tells a host that is not needed what the others are', async () => {
    expect(await firstList('h4', ['h1', 'h2', 'h3', 'h4'], ['h1', 'h2', 'h3'])).to.deep.equal([
      'h1',
      'h2',
      'h3',
    ]);
  });

  for (const members of [
    ['h1', 'h2'],
    ['h1', 'h2', 'h3'],
  ]) {
    it(`says nothing to a host that is about to be a server again, of members ${members.join()}`, async () => {
      expect(await firstList('h3', members, ['h1'])).to.equal(undefined);
    });
  }
});
