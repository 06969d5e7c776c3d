import { expect } from 'chai';
import { silentLog } from '../../../../lib/base/log.js';
import { VERSION } from '../../../../lib/base/version.js';
import { keepFormat } from '../../../../lib/cluster/hosts/format.js';
import { createOwnRecord } from '../../../../lib/cluster/hosts/member-record.js';
import { createMembers } from '../../../../lib/cluster/hosts/records.js';
import { assertReadable, NEWEST_FORMAT, readFormat } from '../../../../lib/store/format.js';
import { createMemoryStore } from '../../../../lib/store/memory.js';
import { until } from '../../../support/until.js';

describe('the format of a store', () => {
  const own = (store: ReturnType<typeof createMemoryStore>, hostId: string) =>
    createOwnRecord(store, () => ({ hostId, name: hostId, address: '192.0.2.1' }), silentLog);
  const formatOf = async (store: ReturnType<typeof createMemoryStore>) => (await readFormat(store)).format;

  it('is marked in a store that has none', async () => {
    const store = createMemoryStore();
    await assertReadable(store);
    expect((await store.get('format'))?.value).to.equal('{"format":1}');
  });

  it('of a newer version is refused in one line, and nothing is written', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'format', value: '{"format":3}' }]);
    const before = await store.list('');
    const message = await assertReadable(store).then(String, (error: Error) => error.message);
    expect(message).to.equal(
      `the store has format 3, and SocketPlane ${VERSION} reads up to ${NEWEST_FORMAT}: install the version of the other hosts here`,
    );
    expect(await store.list('')).to.deep.equal(before);
    await assertReadable(store, 3);
  });

  it('that cannot be understood is refused too', async () => {
    const store = createMemoryStore();
    await store.commit([{ key: 'format', value: 'garbage' }]);
    const message = await assertReadable(store).then(String, (error: Error) => error.message);
    expect(message).to.match(/^the store's mark `format` cannot be understood/);
  });

  it('rises when the last host has been upgraded, and not before', async () => {
    const store = createMemoryStore();
    const members = createMembers(store, silentLog);
    const end = new AbortController();
    await assertReadable(store);
    const record = { address: '192.0.2.1', joined: new Date(0).toISOString() };
    const put = (name: string, format?: number) => members.put({ ...record, hostId: name, name, format });
    // One of them as 0.1.0 writes it.
    await put('old');
    await put('new', 2);
    const done = keepFormat(store, silentLog, end.signal, 2);
    await put('newer', 3);
    expect(await formatOf(store)).to.equal(1);
    await put('old', 2);
    await until('the new format', async () => (await formatOf(store)) === 2);
    end.abort();
    await done;
  });

  it('does not rise past a host that joins at the same moment', async () => {
    const store = createMemoryStore();
    await assertReadable(store);
    const { version } = await readFormat(store);
    await own(store, 'joins').write();
    // Whoever had decided before, on the older version of the mark, decides anew.
    expect(await store.commit([{ key: 'format', value: '{"format":2}', ifVersion: version }])).to.equal(0);
    const [member] = await createMembers(store, silentLog).list();
    expect(member).to.include({ version: VERSION, format: NEWEST_FORMAT });
  });
});
