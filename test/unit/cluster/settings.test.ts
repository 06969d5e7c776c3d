import { expect } from 'chai';
import { messageOf } from '../../../lib/base/errors.js';
import { createMembers } from '../../../lib/cluster/hosts/records.js';
import { agreeOnSettings } from '../../../lib/cluster/settings.js';
import { silentLog } from '../../../lib/base/log.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';

const KEY = 'cluster/settings';

describe('settings of a cluster', () => {
  let store: Store;
  let warned: string[];
  beforeEach(() => {
    store = createMemoryStore();
    warned = [];
  });
  const agree = (vxlanPort?: number, insist = true) =>
    agreeOnSettings(store, { vxlanPort, insist }, { warn: (line) => warned.push(line) });
  const join = () =>
    createMembers(store, silentLog).put({
      ...{ hostId: 'h1', name: 'h1', address: '192.0.2.1', joined: new Date().toISOString() },
    });
  const write = (value: string) => store.commit([{ key: KEY, value }]);

  it('are chosen by the first host, whose wish or default the others follow', async () => {
    expect(await agree()).to.deep.equal({ vxlanPort: 6680 });
    expect(JSON.parse((await store.get(KEY))!.value)).to.deep.equal({ version: 1, vxlanPort: 6680 });
    store = createMemoryStore();
    expect(await agree(7000)).to.deep.equal({ vxlanPort: 7000 });
    await join();
    expect(await agree()).to.deep.equal({ vxlanPort: 7000 });
    expect(await agree(7000)).to.deep.equal({ vxlanPort: 7000 });
  });

  it('keep a host out that insists on others, and warn one that is in already', async () => {
    await agree(7000);
    expect(await agree(7001).catch(messageOf)).to.match(
      /is 7001 in this host's agent\.yml, .* to UDP 7000: /,
    );
    expect(await agree(7001, false)).to.deep.equal({ vxlanPort: 7000 });
    expect(warned.join()).to.match(/7001 .* UDP 7000, which this host follows$/);
  });

  it('are those of the first of several that come at the same time', async () => {
    const all = await Promise.all([7000, 7001, 7002].map((port) => agree(port, false)));
    expect(new Set(all.map(({ vxlanPort }) => vxlanPort)).size).to.equal(1);
  });

  it('are those of a host that has begun the cluster between two looks at it', async () => {
    const { list } = store;
    store.list = async (prefix) => {
      store.list = list;
      await write('{"version":1,"vxlanPort":7000}');
      await join();
      return list(prefix);
    };
    expect(await agree()).to.deep.equal({ vxlanPort: 7000 });
  });

  it('are the former ones of a cluster that an older version began', async () => {
    await join();
    expect(await agree()).to.deep.equal({ vxlanPort: 4789 });
    expect(await store.get(KEY)).to.equal(undefined);
    expect(await agree(6680).catch(messageOf)).to.include('UDP 4789');
  });

  it('may have more that a host need not know, but nothing that it does not understand', async () => {
    const text = '{"version":1,"vxlanPort":7000,"colour":"blue"}';
    await write(text);
    expect(await agree()).to.deep.equal({ vxlanPort: 7000 });
    expect((await store.get(KEY))?.value).to.equal(text);
    await write('{"version":2,"vxlanPort":7000}');
    expect(await agree().catch(messageOf)).to.match(
      /of version 2, and this host knows 1: update SocketPlane/,
    );
    for (const damaged of ['', '{}', '{"version":1}', '{"version":1,"vxlanPort":80}']) {
      await write(damaged);
      expect(await agree().catch(messageOf), damaged).to.match(/cluster\/settings .* cannot be understood$/);
    }
  });
});
