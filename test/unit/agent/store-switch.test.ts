import { expect } from 'chai';
import type { StorePlace } from '../../../lib/agent/switch-states.js';
import { messageOf } from '../../../lib/base/errors.js';
import { createHosts } from '../../../lib/cluster/hosts/records.js';
import { silentLog } from '../../../lib/base/log.js';
import { leasesOf, parseBlock, blockPrefix } from '../../../lib/ipam/blocks.js';
import type { Entry } from '../../../lib/store/store.js';
import { createSwitchedHost, HOST } from '../../support/switch-on-fakes.js';
import { until } from '../../support/until.js';

const UNDERLAY = { device: 'eth0', address: '192.0.2.1', cidr: '192.0.2.1/24' };
const IPS = ['10.9.0.2', '10.9.0.3'];
const REASON = /waiting for its cluster|joining|could not join|own store cannot be used/;

const addressesIn = (entries: readonly Entry[]) =>
  entries
    .filter(({ key }) => key.startsWith(blockPrefix()))
    .flatMap((entry) => leasesOf(entry.key, parseBlock(entry)))
    .map(({ ip }) => ip)
    .sort();

/** A host that is alone, with a container that runs and one that does not. */
async function alone() {
  const host = createSwitchedHost();
  const { storeSwitch, docker, current, underlay } = host;
  underlay.set(UNDERLAY);
  await storeSwitch.goAlone();
  const { networks, containers, fanOut, converge } = current.current!;
  const { settle, addresses } = containers;
  await networks.create('web', { subnet: '10.9.0.0/24' });
  await until(async () => (await fanOut.expect('web')) !== '');
  const running = docker.create('running', 'web');
  await docker.start(running);
  await settle.container(running);
  const lease = await addresses.keep('web', { names: ['stopped'] });
  const stopped = docker.create('stopped', { network: 'web', ip: lease.ip, isKept: true });
  await addresses.assign(lease, stopped, ['stopped']);
  await converge();
  return withChecks(host, running);
}

async function member(): Promise<Host> {
  const host = await alone();
  await host.storeSwitch.joinCluster();
  return host;
}

/** A member whose agent has been started again, and waits for its cluster. */
async function restarted(): Promise<Host> {
  const before = await member();
  await before.storeSwitch.close();
  before.server.disconnect();
  const host = createSwitchedHost(before);
  host.underlay.set(UNDERLAY);
  host.storeSwitch.wait('this host is waiting for its cluster');
  return withChecks(host, before.running);
}

type Host = ReturnType<typeof withChecks>;

function withChecks(host: ReturnType<typeof createSwitchedHost>, running: string) {
  const { storeSwitch, current, bridge, server, disk, docker } = host;
  const { endpoint } = docker.place(running, 'web')!;
  return {
    ...host,
    running,
    inOwnStore: () => addressesIn(disk.entries()),
    inCluster: async () => addressesIn(await server.store.list('')),
    registered: async () => (await createHosts(server.store, silentLog).list()).map(({ hostId }) => hostId),
    /** That there is one set of services or a reason for none, that no store is left open, and that containers keep what they use. */
    async check(label: string): Promise<StorePlace> {
      const { place } = storeSwitch;
      expect(bridge.ports.get(endpoint)?.ip, `${label}: address on the bridge`).to.equal(IPS[0]);
      expect(bridge.attachedCount(), `${label}: ports made so far`).to.equal(1);
      const open = { waiting: [0, false], alone: [0, true], member: [1, false], closed: [0, false] };
      expect([server.clients(), disk.isOpen()], `${label}: open stores, ${place}`).to.deep.equal(open[place]);
      if (place === 'alone' || place === 'member') {
        const services = await current.get();
        await services.converge();
        const leased = services.ipam.index.ofHost(HOST).map(({ ip }) => ip);
        expect(leased.sort(), `${label}: leases`).to.deep.equal(IPS);
        const [found] = services.containers.connections.find(running);
        expect(found, label).to.include({ state: 'up', ip: IPS[0] });
      } else {
        expect(await current.get().then(() => 'none', messageOf), label).to.match(REASON);
      }
      return place;
    },
  };
}

/** Which calls fail, when one of this number and name does. */
const FAULTS: Record<string, (at: number, side: string) => (number: number, name: string) => boolean> = {
  once: (at) => (number) => number === at,
  'and all of its kind that follow': (at, side) => (number, name) => number >= at && name.startsWith(side),
};

/** Runs the command as often as it makes calls, each time with another one failing. */
async function withEachFault(
  from: () => Promise<Host>,
  command: (host: Host) => Promise<unknown>,
  check: (host: Host, label: string, error: unknown) => Promise<void>,
): Promise<void> {
  const intact = await from();
  intact.faults.arm();
  await command(intact);
  const calls = intact.faults.disarm();
  await intact.storeSwitch.close();
  expect(calls.length, 'calls that can fail').to.be.above(15);

  const runs = Object.entries(FAULTS).flatMap(([kind, fault]) =>
    calls.map(async (name, index) => {
      const host = await from();
      const label = `${name}, call ${index + 1} of ${calls.length}, fails ${kind}`;
      host.faults.arm(fault(index + 1, name.split('.', 1)[0]!));
      const error = await command(host).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      host.faults.disarm();
      await check(host, label, error);
      await host.storeSwitch.close();
    }),
  );
  await Promise.all(runs);
}

describe('the switch between stores', () => {
  it('joins with everything that the host has, and leaves with what its containers use', async () => {
    const host = await alone();
    const { storeSwitch, current } = host;
    const store = await storeSwitch.joinCluster();
    expect(await host.check('joined')).to.equal('member');
    expect([await host.inCluster(), await host.registered()]).to.deep.equal([IPS, [HOST]]);
    expect(host.disk.entries(), 'own store').to.deep.equal([]);
    expect(await storeSwitch.joinCluster(), 'joined again').to.equal(store);
    expect(await storeSwitch.goAlone().catch(messageOf)).to.match(/member of a cluster: .*leave/);
    await storeSwitch.leaveCluster();
    expect(await host.check('left')).to.equal('alone');
    expect([await host.inCluster(), await host.registered()]).to.deep.equal([[], []]);
    expect(host.inOwnStore()).to.deep.equal(IPS);
    const services = current.current;
    await storeSwitch.leaveCluster();
    await storeSwitch.goAlone();
    expect(current.current, 'left again').to.equal(services);
    await host.storeSwitch.close();
  });

  it('is what it was when a join fails, whatever fails, and joins when it is tried again', async () => {
    await withEachFault(
      alone,
      ({ storeSwitch }) => storeSwitch.joinCluster(),
      async (host, label, error) => {
        const place = await host.check(label);
        if (error === undefined) expect(place, label).to.equal('member');
        else {
          expect(place, label).to.be.oneOf(['alone', 'waiting']);
          expect(host.inOwnStore(), `${label}: own store`).to.deep.equal(IPS);
        }
        await host.storeSwitch.joinCluster();
        expect(await host.check(`${label}, again`)).to.equal('member');
        expect(await host.registered(), label).to.deep.equal([HOST]);
        expect(await host.inCluster(), label).to.deep.equal(IPS);
      },
    );
  });

  it('is alone when it leaves, whatever fails, and with its addresses', async () => {
    await withEachFault(
      member,
      ({ storeSwitch }) => storeSwitch.leaveCluster(),
      async (host, label) => {
        expect(await host.check(label), label).to.be.oneOf(['alone', 'waiting']);
        await host.storeSwitch.leaveCluster();
        expect(await host.check(`${label}, again`)).to.equal('alone');
        expect(host.inOwnStore(), label).to.deep.equal(IPS);
      },
    );
  });

  it('is a member again after a restart, whatever fails at first, and meanwhile keeps its place in the cluster', async () => {
    await withEachFault(
      restarted,
      ({ storeSwitch }) => storeSwitch.joinCluster(),
      async (host, label, error) => {
        expect(await host.check(label)).to.equal(error === undefined ? 'member' : 'waiting');
        expect([await host.inCluster(), await host.registered()], label).to.deep.equal([IPS, [HOST]]);
        await host.storeSwitch.joinCluster();
        expect(await host.check(`${label}, again`)).to.equal('member');
      },
    );
  });

  it('closes in every place, and does nothing more', async () => {
    const places: [StorePlace, () => Promise<Host | ReturnType<typeof createSwitchedHost>>][] = [
      ['waiting', async () => createSwitchedHost()],
      ['alone', alone],
      ['member', member],
    ];
    for (const [place, from] of places) {
      const { storeSwitch, current, server, disk } = await from();
      expect(storeSwitch.place).to.equal(place);
      await storeSwitch.close();
      await storeSwitch.close();
      expect(storeSwitch.place).to.equal('closed');
      // A member's session goes on, as after a crash.
      expect([server.clients(), disk.isOpen()], place).to.deep.equal([place === 'member' ? 1 : 0, false]);
      expect(await current.get().catch(messageOf)).to.equal('the agent stops');
      for (const command of [storeSwitch.goAlone, storeSwitch.joinCluster, storeSwitch.leaveCluster])
        expect(await command().then(() => 'done', messageOf)).to.equal('the agent stops');
    }
  });

  it('gives a join up when the agent stops, and keeps what the host had', async () => {
    const host = await alone();
    const joining = host.storeSwitch.joinCluster().then(() => 'joined', messageOf);
    await host.storeSwitch.close();
    expect([await joining, host.storeSwitch.place]).to.deep.equal(['the agent stops', 'closed']);
    expect([host.inOwnStore(), await host.inCluster()]).to.deep.equal([IPS, []]);
    expect([host.server.clients(), host.disk.isOpen()]).to.deep.equal([0, false]);
  });

  it('runs commands one after the other', async () => {
    const host = await alone();
    const { storeSwitch } = host;
    await Promise.all([storeSwitch.joinCluster(), storeSwitch.leaveCluster(), storeSwitch.joinCluster()]);
    expect(await host.check('in the end')).to.equal('member');
    await host.storeSwitch.close();
  });

  it('has a host that has become another one say nothing as the first any more', async () => {
    const host = await member();
    const agents = async () => [...(await host.server.liveness.now()).agents];
    expect(await agents()).to.deep.equal([HOST]);
    host.renew();
    await until(async () => (await agents()).length === 0);
    await host.storeSwitch.close();
  });

  it('registers the host at its new address when the underlay changes', async () => {
    const host = await member();
    host.underlay.set({ ...UNDERLAY, address: '192.0.2.9', cidr: '192.0.2.9/24' });
    const address = async () => (await createHosts(host.server.store, silentLog).list())[0]?.address;
    await until(async () => (await address()) === '192.0.2.9');
    await host.storeSwitch.close();
  });
});
