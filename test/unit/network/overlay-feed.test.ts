import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import type { StoredLease } from '../../../lib/ipam/blocks.js';
import { createLeaseIndex } from '../../../lib/ipam/lease-index.js';
import { createOverlayFeed } from '../../../lib/network/overlay-feed.js';
import { namesOf } from '../../support/names-of.js';

const WEB = { id: 'web', subnet: '10.0.0.0/16', gateway: '10.0.0.1', vni: 7 };
const A = { id: 'a', address: '192.0.2.1' };
const B = { id: 'b', address: '192.0.2.2' };
const BLOCK = 'blocks/web/10.0.0.16';

/** A block of host a with a lease on each of these addresses. */
function block(
  version: number,
  ...ips: [ip: string, name: string, up?: boolean, more?: Partial<StoredLease>][]
) {
  const leases = ips.map(([ip, name, up = true, more = {}]): [string, StoredLease] => [
    ip,
    {
      ...{ id: name, container: name.padEnd(64, '0'), host: 'a', time: '', kept: false },
      ...{ names: [name, 'Web'], up, ...more },
    },
  ]);
  return { key: BLOCK, version, value: JSON.stringify({ host: 'a', leases: Object.fromEntries(leases) }) };
}

/** What host b tells its data plane. */
async function setUp({ active = true } = {}) {
  const index = createLeaseIndex('b');
  const told: string[] = [];
  const fail: { next?: Error } = {};
  let failures = 0;
  const tell = async (...words: string[]) => {
    const error = fail.next;
    fail.next = undefined;
    if (error) throw error;
    told.push(words.join(' '));
  };
  const overlay = createOverlayFeed({
    index,
    host: 'b',
    datapath: {
      ensurePeer: (address) => tell('+peer', address),
      removePeer: (address) => tell('-peer', address),
      applyRemotes: ({ put, drop }) =>
        tell(
          ...put.map(({ ip, peer, mac }) => `${ip}@${peer} ${mac}`),
          ...drop.map(({ ip, network }) => `-${ip}/${network.vni}`),
        ),
    },
    onFailure: () => failures++,
    log: silentLog,
  });
  await overlay.setNetworks([WEB]);
  if (active) await overlay.activate();
  const settled = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return told.splice(0);
  };
  return { index, overlay, settled, fail, failures: () => failures };
}

describe('overlay', () => {
  it('tells of what runs on other hosts, and each change alone', async () => {
    const { index, overlay, settled } = await setUp();
    await overlay.setPeers([A, B]);
    index.apply({ put: [block(1, ['10.0.0.16', 'x'])], drop: [] });
    expect(await settled()).to.deep.equal(['+peer 192.0.2.1', '10.0.0.16@192.0.2.1 02:42:0a:00:00:10']);
    index.apply({ put: [block(2, ['10.0.0.16', 'x'], ['10.0.0.17', 'y'])], drop: [] });
    expect(await settled()).to.deep.equal(['10.0.0.17@192.0.2.1 02:42:0a:00:00:11']);
    index.apply({ put: [block(3, ['10.0.0.16', 'x', false], ['10.0.0.17', 'y'])], drop: [] });
    expect(await settled()).to.deep.equal(['-10.0.0.16/7']);
    index.apply({ put: [], drop: [{ key: BLOCK, version: 4 }] });
    expect(await settled()).to.deep.equal(['-10.0.0.16/7 -10.0.0.17/7']);
  });

  it('tells of the MAC that was chosen, and when it changes', async () => {
    const { index, overlay, settled } = await setUp();
    await overlay.setPeers([A]);
    index.apply({ put: [block(1, ['10.0.0.16', 'x', true, { mac: '02:00:00:00:00:01' }])], drop: [] });
    expect((await settled())[1]).to.equal('10.0.0.16@192.0.2.1 02:00:00:00:00:01');
    expect(overlay.state().remotes.map(({ mac }) => mac)).to.deep.equal(['02:00:00:00:00:01']);
    index.apply({ put: [block(2, ['10.0.0.16', 'x'])], drop: [] });
    expect(await settled()).to.deep.equal(['10.0.0.16@192.0.2.1 02:42:0a:00:00:10']);
  });

  it('waits for host and network of a lease, in whatever order they come', async () => {
    const { index, overlay, settled } = await setUp();
    await overlay.setNetworks([]);
    index.apply({ put: [block(1, ['10.0.0.16', 'x'])], drop: [] });
    expect(await settled()).to.deep.equal([]);
    await overlay.setNetworks([WEB]);
    expect(await settled()).to.deep.equal(['-10.0.0.16/7']);
    await overlay.setPeers([A]);
    expect(await settled()).to.deep.equal(['+peer 192.0.2.1', '10.0.0.16@192.0.2.1 02:42:0a:00:00:10']);
  });

  it('takes away what is on a network that is gone, also when its name is another one’s by now', async () => {
    const { index, overlay, settled } = await setUp();
    await overlay.setPeers([A]);
    index.apply({ put: [block(1, ['10.0.0.16', 'x'])], drop: [] });
    await settled();
    // That the lease is gone is heard of last.
    await overlay.setNetworks([]);
    expect(await settled()).to.deep.equal(['-10.0.0.16/7']);
    await overlay.setNetworks([WEB]);
    await settled();
    await overlay.setNetworks([{ ...WEB, vni: 8 }]);
    expect(await settled()).to.deep.equal(['10.0.0.16@192.0.2.1 02:42:0a:00:00:10 -10.0.0.16/7']);
  });

  it('moves what is on a host whose address changes, and takes it away with the host', async () => {
    const { index, overlay, settled } = await setUp();
    index.apply({ put: [block(1, ['10.0.0.16', 'x'])], drop: [] });
    await overlay.setPeers([A]);
    await settled();
    await overlay.setPeers([{ ...A, address: '192.0.2.9' }]);
    expect(await settled()).to.deep.equal([
      '-peer 192.0.2.1',
      '+peer 192.0.2.9',
      '10.0.0.16@192.0.2.9 02:42:0a:00:00:10',
    ]);
    await overlay.setPeers([]);
    expect(await settled()).to.deep.equal(['-peer 192.0.2.9', '-10.0.0.16/7']);
  });

  it('says nothing of its own before the data plane was made right, but has it in its state', async () => {
    const { index, overlay, settled } = await setUp({ active: false });
    await overlay.setPeers([A]);
    index.apply({ put: [block(1, ['10.0.0.16', 'x'])], drop: [] });
    expect(await settled()).to.deep.equal([]);
    const remote = { network: WEB, ip: '10.0.0.16', mac: '02:42:0a:00:00:10', peer: A.address };
    expect(overlay.state()).to.deep.equal({ peers: [A.address], remotes: [remote] });
    index.apply({ put: [block(2, ['10.0.0.16', 'x'], ['10.0.0.17', 'y'])], drop: [] });
    await overlay.activate();
    // What the state held is not told again.
    expect(await settled()).to.deep.equal(['10.0.0.17@192.0.2.1 02:42:0a:00:00:11']);
  });

  it('asks for all of it to be made right when something failed', async () => {
    const { overlay, fail, failures } = await setUp();
    fail.next = new AppError('unavailable', 'no Open vSwitch');
    await overlay.setPeers([A]);
    expect(failures()).to.equal(1);
  });
});

describe('names', () => {
  it('follow the leases of running containers, without regard to case', () => {
    const index = createLeaseIndex('b');
    const names = namesOf(index);
    index.apply({
      put: [block(1, ['10.0.0.16', 'x'], ['10.0.0.17', 'y'], ['10.0.0.18', 'z', false])],
      drop: [],
    });
    expect(names.addresses('web', 'X')).to.deep.equal(['10.0.0.16']);
    expect(names.addresses('web', 'web').sort()).to.deep.equal(['10.0.0.16', '10.0.0.17']);
    expect([names.addresses('web', 'z'), names.addresses('db', 'x')]).to.deep.equal([[], []]);
    expect([names.namesAt('web', '10.0.0.17'), names.namesAt('web', '10.0.0.18')]).to.deep.equal([
      ['y', 'Web'],
      [],
    ]);
    index.apply({ put: [block(2, ['10.0.0.17', 'new'])], drop: [] });
    expect(['x', 'y', 'new', 'web'].map((name) => names.addresses('web', name))).to.deep.equal([
      [],
      [],
      ['10.0.0.17'],
      ['10.0.0.17'],
    ]);
  });
});

describe('lease index', () => {
  it('believes what is newer, from whichever side it comes', () => {
    const index = createLeaseIndex('a');
    const stored = JSON.parse(block(0, ['10.0.0.16', 'x']).value) as Parameters<typeof index.committed>[1];
    index.committed(BLOCK, stored, 5);
    index.apply({ put: [block(4, ['10.0.0.17', 'old'])], drop: [{ key: BLOCK, version: 3 }] });
    expect(index.owned().map(({ id }) => id)).to.deep.equal(['x']);
    index.committed(BLOCK, undefined, 6);
    index.apply({ put: [block(5, ['10.0.0.16', 'x'])], drop: [] });
    expect(index.owned(), 'what was given back stays so').to.deep.equal([]);
    index.apply({ put: [block(7, ['10.0.0.16', 'x'])], drop: [] });
    expect(index.count('web')).to.equal(1);
  });
});
