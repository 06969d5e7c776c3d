import { expect } from 'chai';
import { AppError, messageOf } from '../../../lib/base/errors.js';
import { silentLog } from '../../../lib/base/log.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import { createNetworkCarrier } from '../../../lib/network/carry.js';
import { createNetworks } from '../../../lib/network/networks.js';
import { createMemoryStore } from '../../../lib/store/memory.js';
import { createFakeDatapath } from '../../support/fake-datapath.js';
import { grantTo } from '../../support/leases.js';

describe('a network that a host makes', () => {
  function setUp() {
    const store = createMemoryStore();
    const networks = createNetworks({ store, hostRoutes: async () => [], foreignNames: async () => [] });
    const { datapath, networks: carried, fail } = createFakeDatapath();
    let returned = async () => {};
    const carrier = createNetworkCarrier({ networks, datapath, returned: () => returned(), log: silentLog });
    const ids = async () => (await networks.list()).map(({ id }) => id);
    const returning = (work: () => Promise<void>) => void (returned = work);
    return { store, networks, datapath, carried, fail, carrier, ids, returning };
  }
  const broken = () => Promise.reject(new AppError('unavailable', 'Open vSwitch does not answer'));
  const caught = (attempt: Promise<unknown>) =>
    attempt.then(
      () => undefined,
      (error: AppError) => error,
    );

  it('is in the store and on the bridge, and leaves both', async () => {
    const { carrier, carried, ids } = setUp();
    const choice = { subnet: '10.9.0.0/24', gateway: '10.9.0.9', settings: { internal: true } };
    const network = await carrier.create('web', choice);
    expect(network).to.deep.include(choice);
    expect([await ids(), carried.get('web')]).to.deep.equal([['web'], network]);
    await carrier.remove('web');
    expect([await ids(), carried.size]).to.deep.equal([[], 0]);
    expect((await caught(carrier.remove('web')))?.kind).to.equal('notFound');
  });

  it('can be removed the moment after its last container has ended', async () => {
    const { carrier, networks, store, ids, returning } = setUp();
    await carrier.create('web');
    const ipam = createIpam({ store, host: 'h1' });
    const record = (await networks.find('web'))!;
    const { ip } = await ipam.lease(record, { ...grantTo('c'.repeat(64)), up: true });
    expect((await caught(carrier.remove('web')))?.message).to.include('has active endpoints');
    returning(() => ipam.release('web', ip));
    await carrier.remove('web');
    expect(await ids()).to.deep.equal([]);
  });

  it('is not made when the bridge cannot be used', async () => {
    const { carrier, datapath, ids } = setUp();
    datapath.open = broken;
    expect((await caught(carrier.create('web')))?.message).to.equal('Open vSwitch does not answer');
    expect(await ids()).to.deep.equal([]);
  });

  it('is taken back when it cannot be carried, and the error says why', async () => {
    const { carrier, datapath, ids } = setUp();
    datapath.ensureNetwork = broken;
    expect((await caught(carrier.create('web')))?.message).to.equal('Open vSwitch does not answer');
    expect(await ids()).to.deep.equal([]);
  });

  it('that can neither be carried nor taken back: the error says first why it is not carried', async () => {
    const { carrier, datapath, store } = setUp();
    datapath.ensureNetwork = async () => {
      store.list = () => Promise.reject(new AppError('unavailable', 'no leader'));
      return broken();
    };
    const error = await caught(carrier.create('web'));
    expect(error?.kind).to.equal('unavailable');
    expect(error?.message).to.match(
      /^Open vSwitch does not answer; .*no leader.*`socketplane network delete web`/,
    );
    expect(messageOf(error?.cause)).to.equal('Open vSwitch does not answer');
  });

  it('is carried no more when another host has removed it meanwhile', async () => {
    const { carrier, datapath, networks, carried } = setUp();
    const { ensureNetwork } = datapath;
    datapath.ensureNetwork = async (network) => {
      await networks.remove(network.id);
      await ensureNetwork(network);
    };
    expect((await caught(carrier.create('web')))?.message).to.equal('network web was removed meanwhile');
    expect(carried.size).to.equal(0);
  });

  it('is put back in both as it was', async () => {
    const { carrier, carried, ids } = setUp();
    const network = await carrier.create('web', { subnet: '10.9.0.0/24', gateway: '10.9.0.9' });
    await carrier.remove('web');
    expect(await carrier.restore(network)).to.deep.equal(network);
    expect([await ids(), carried.get('web')]).to.deep.equal([['web'], network]);
  });

  it('is in the store again, for the other hosts, though this one cannot carry it', async () => {
    const { carrier, datapath, ids } = setUp();
    const network = await carrier.create('web');
    await carrier.remove('web');
    datapath.ensureNetwork = broken;
    expect((await caught(carrier.restore(network)))?.message).to.equal('Open vSwitch does not answer');
    expect(await ids()).to.deep.equal(['web']);
  });
});
