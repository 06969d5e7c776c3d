import { expect } from 'chai';
import { createLog, type Log } from '../../../lib/base/log.js';
import { createIpam, grantOf, type Lease } from '../../../lib/ipam/ipam.js';
import type { Network } from '../../../lib/base/model.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { putBack, transfer, type Belongings } from '../../../lib/agent/transfer.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import type { Store } from '../../../lib/store/store.js';
import { grantTo, storedLeases } from '../../support/leases.js';

const log = createLog('test', 'error');
const network = (id: string, vni: number, subnet: string) => ({
  id,
  vni,
  subnet,
  gateway: subnet.replace(/0\/\d+$/, '1'),
});
const lease = (id: string, ip: string, change: Partial<Lease> = {}): Lease => ({
  ...{ id: `${id} ${ip}`, container: ip.padEnd(64, '0'), host: 'here', network: id, ip, block: '' },
  ...{ time: new Date(0).toISOString(), kept: false, names: [], up: true, ...change },
});

/** @param warnings gets what is logged with each */
function watchedLog(warnings: unknown[]): Log {
  const warn = (_: string, details?: object) => void warnings.push(details);
  return { warn } as unknown as Log;
}

function side(store: Store = createMemoryStore()) {
  return {
    store,
    networks: createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] }),
    ipam: createIpam({ store, host: 'here' }),
  };
}

describe('what a host takes along', () => {
  const web = network('web', 7, '10.50.0.0/16');
  const idle = network('idle', 9, '10.51.0.0/16');
  const mine: Belongings = { networks: [idle, web], leases: [lease('web', '10.50.0.9')] };

  it('keeps its addresses and VNIs, and may be taken twice', async () => {
    const there = side();
    for (let round = 0; round < 2; round++) await transfer(mine, there, { unused: true, log });
    expect(await there.networks.list()).to.have.deep.members([web, idle]);
    expect(there.ipam.index.ofHost('here').map(({ ip }) => ip)).to.deep.equal(['10.50.0.9']);
    // What is made next is still another.
    expect((await there.networks.create('next')).vni).to.equal(10);
  });

  it('gets another VNI where its own is taken', async () => {
    const there = side();
    await there.networks.create('theirs', { subnet: '10.60.0.0/16', vni: 7 });
    await transfer(mine, there, { unused: false, log });
    expect(await there.networks.list()).to.have.deep.members([
      network('theirs', 7, '10.60.0.0/16'),
      { ...web, vni: 8 },
    ]);
  });

  it('stays where it is when a network in use is in the way', async () => {
    const there = side();
    await there.networks.create('theirs', { subnet: '10.50.128.0/17' });
    const error = await transfer(mine, there, { unused: true, log }).catch((caught: unknown) => caught);
    expect(error).to.have.property('kind', 'conflict');
    expect(String(error)).to.match(/network web .* in the way of network theirs/);
    expect(await there.networks.list()).to.have.length(1);
  });

  const differ: [what: string, network: Network, up: boolean][] = [
    ['subnet, under running containers', network('web', 7, '10.60.0.0/16'), true],
    ['gateway, under running containers', { ...web, gateway: '10.50.9.9' }, true],
    ['subnet, under stopped containers', network('web', 7, '10.60.0.0/16'), false],
  ];
  for (const [what, theirs, up] of differ) {
    it(`does not go where a network of that name has another ${what}`, async () => {
      const there = side();
      const { id, ...choice } = theirs;
      await there.networks.create(id, choice);
      const leases = [lease('web', '10.50.0.9', { up })];
      const error = await transfer({ ...mine, leases }, there, { unused: true, log }).catch(
        (caught: unknown) => caught,
      );
      expect(error).to.have.property('kind', 'conflict');
    });
  }

  it('does not leave running containers on a default network that is another one there', async () => {
    const own = network('socketplane', 1, '10.1.0.0/16');
    const move = async (up: boolean, subnet = '10.42.0.0/16') => {
      const there = side();
      await there.networks.create('socketplane', { subnet });
      const leases = [lease('socketplane', '10.1.0.9', { up })];
      return transfer({ networks: [own], leases }, there, { unused: true, log: watchedLog([]) }).then(
        () => 'moved',
        (error: unknown) => String(error),
      );
    };
    expect(await move(true)).to.match(
      /network socketplane \(10\.1\.0\.0\/16\) has containers .* network socketplane \(10\.42/,
    );
    expect([await move(false), await move(true, '10.1.0.0/16')]).to.deep.equal(['moved', 'moved']);
  });

  it('keeps what networks and leases say', async () => {
    const there = side();
    const settings = { internal: true, aux: { printer: '10.50.0.77' }, labels: { a: 'b' } };
    const odd: Network = { ...web, gateway: '10.50.9.9', settings };
    const leases = [
      lease('web', '10.50.0.1', { endpoint: 'e', kept: true, mac: '02:00:00:00:00:01', names: ['one'] }),
      lease('web', '10.50.0.2', { container: undefined, up: false }),
      lease('web', '10.50.0.3', { kept: true, up: false, names: ['stopped'] }),
    ];
    await transfer({ networks: [odd], leases }, there, { unused: false, log });
    expect(await there.networks.list()).to.deep.equal([odd]);
    const arrived = await storedLeases(there.store);
    const said = (some: Lease[]) => some.map((one) => ({ ip: one.ip, ...grantOf(one) }));
    expect(said(arrived)).to.have.deep.members(said(leases));
  });

  it('is not taken for lost when it was there already, also by an agent that has only begun', async () => {
    const there = side();
    await transfer(mine, there, { unused: false, log });
    const before = await storedLeases(there.store);
    const lost: unknown[] = [];
    const watching = watchedLog(lost);
    await transfer(mine, there, { unused: false, log: watching });
    // This one has not read the leases.
    await transfer(mine, side(there.store), { unused: false, log: watching });
    expect(lost).to.deep.equal([]);
    expect(await storedLeases(there.store)).to.deep.equal(before);
  });

  it('is lost where another has the address, and no other is', async () => {
    const there = side();
    await there.networks.create('web', { subnet: '10.50.0.0/16' });
    const record = (await there.networks.find('web'))!;
    await createIpam({ store: there.store, host: 'far' }).lease(record, grantTo('theirs'), '10.50.0.9');
    const lost: unknown[] = [];
    const watching = watchedLog(lost);
    const leases = [...mine.leases, lease('web', '10.50.0.10'), lease('web', '10.50.0.1')];
    await transfer({ networks: [web], leases }, there, { unused: false, log: watching });
    expect(lost).to.have.length(2);
    expect(lost[0]).to.include({
      ip: '10.50.0.1',
      reason: 'address 10.50.0.1 is the gateway address of network web',
    });
    expect(lost[1]).to.include({ ip: '10.50.0.9' });
    expect((await storedLeases(there.store)).map(({ ip, host }) => `${ip} ${host}`)).to.have.members([
      '10.50.0.9 far',
      '10.50.0.10 here',
    ]);
  });
});

describe('what is in a back-up', () => {
  const web = network('web', 7, '10.50.0.0/16');
  const backup = {
    networks: [web],
    leases: [
      lease('web', '10.50.0.9', { kept: true, endpoint: 'e' }),
      lease('web', '10.50.0.10', { host: 'other' }),
      lease('web', '10.50.0.11', { container: undefined }),
    ],
  };

  it('is put back with the hosts that had it, once, and is in use by nobody yet', async () => {
    const there = side();
    const first = await putBack(backup, there);
    expect(first).to.deep.equal({
      networks: { made: ['web'], there: [] },
      addresses: { made: 2, there: 0, lost: [] },
    });
    expect(await there.networks.list()).to.deep.equal([web]);
    const leases = [...there.ipam.index.all()].map(({ ip, host, up, endpoint }) => ({
      ip,
      host,
      up,
      endpoint,
    }));
    expect(leases).to.have.deep.members([
      { ip: '10.50.0.9', host: 'here', up: false, endpoint: undefined },
      { ip: '10.50.0.10', host: 'other', up: false, endpoint: undefined },
    ]);
    const again = await putBack(backup, there);
    expect(again).to.deep.equal({
      networks: { made: [], there: ['web'] },
      addresses: { made: 0, there: 2, lost: [] },
    });
  });

  it('is given to nobody else, and goes on with the container that has it', async () => {
    const there = side();
    await putBack(backup, there);
    const taken = await there.ipam
      .lease((await there.networks.find('web'))!, grantTo('x'.repeat(64)), '10.50.0.10')
      .then(String, (error: Error) => error.message);
    expect(taken).to.match(/in use/);
    const warnings: unknown[] = [];
    const running = lease('web', '10.50.0.9', { kept: true, endpoint: 'later' });
    await transfer({ networks: [web], leases: [running] }, there, {
      unused: false,
      log: watchedLog(warnings),
    });
    expect(warnings).to.deep.equal([]);
    expect(there.ipam.find('web', '10.50.0.9')).to.include({ endpoint: 'later', up: true });
  });

  it('does not come back where a network is in the way, or an address is another’s', async () => {
    const there = side();
    await there.networks.create('theirs', { subnet: '10.50.1.0/24' });
    const refused = await putBack(backup, there).then(String, (error: Error) => error.message);
    expect(refused).to.match(
      /^nothing is restored: network theirs \(10\.50\.1\.0\/24\) is in the way of network web/,
    );
    expect((await there.networks.list()).map(({ id }) => id)).to.deep.equal(['theirs']);

    const taken = side();
    await taken.networks.create('web', { subnet: web.subnet, vni: 7 });
    await taken.ipam.lease((await taken.networks.find('web'))!, grantTo('x'.repeat(64)), '10.50.0.9');
    const { addresses } = await putBack(backup, taken);
    expect(addresses.made).to.equal(1);
    expect(addresses.lost[0]).to.include({ network: 'web', ip: '10.50.0.9' });
  });
});
