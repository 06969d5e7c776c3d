import { expect } from 'chai';
import { AppError, messageOf } from '../../../../lib/base/errors.js';
import { silentLog } from '../../../../lib/base/log.js';
import { createMembers } from '../../../../lib/cluster/hosts/records.js';
import { createExternalMembership } from '../../../../lib/cluster/membership/external.js';
import { firstMember } from '../../../../lib/cluster/membership/join-request.js';
import type { Membership } from '../../../../lib/cluster/membership/membership.js';
import type { Underlay } from '../../../../lib/base/model.js';
import { createCell } from '../../../../lib/concurrency/observable.js';
import { until } from '../../../../lib/concurrency/until.js';
import { clusterConfig } from '../../../../lib/config/cluster.js';
import { consulConfig } from '../../../../lib/config/consul.js';
import { createWorld } from '../../../support/cluster/world.js';

describe('membership in a cluster with a Consul that is there already', () => {
  let world: ReturnType<typeof createWorld>;
  let membership: Membership;
  let failure: Error | undefined;
  let connects: number;
  const within = { timeout: 3_000, every: 5 };
  const becomesMember = () =>
    until(
      async () => expect(membership.status()).to.include({ state: 'member', problem: undefined }),
      within,
    );
  const hasProblem = (problem: RegExp) =>
    until(async () => expect(membership.status().problem).to.match(problem), within);
  const addresses = async () =>
    (await createMembers(world.store, silentLog).list()).map(({ address }) => address);

  beforeEach(() => {
    world = createWorld();
    failure = undefined;
    connects = 0;
    membership = createExternalMembership({
      hostId: 'me',
      name: 'one',
      config: clusterConfig.parse({}),
      consul: consulConfig.parse({ address: 'http://192.0.2.1:8500' }),
      file: world.file,
      underlays: world.underlays,
      underlay: createCell<Underlay | undefined>(undefined),
      async connect() {
        connects += 1;
        if (failure) throw failure;
        return world.store;
      },
      log: silentLog,
    });
  });
  afterEach(() => membership.stop());

  it('begins with the agent, without a command', async () => {
    expect(membership.status().state).to.equal('none');
    await membership.start();
    await becomesMember();
    expect(await addresses()).to.deep.equal(['10.0.0.1']);
  });

  it('waits for its device and for Consul, and says which of them', async () => {
    world.devices.clear();
    failure = new AppError('unavailable', 'no Consul runs on 192.0.2.1');
    await membership.start();
    await hasProblem(/default route/);
    world.devices.set('eth0', '10.0.0.1');
    await hasProblem(/no Consul runs on/);
    expect(membership.status().state).to.equal('joining');
    failure = undefined;
    await becomesMember();
  });

  it('opens one store, however often its record cannot be written', async () => {
    const { commit } = world.store;
    let refusals = 2;
    world.store.commit = (operations) =>
      refusals-- > 0 ? Promise.reject(new AppError('unavailable', 'no leader')) : commit(operations);
    await membership.start();
    await becomesMember();
    expect(connects).to.equal(1);
    expect(await addresses()).to.deep.equal(['10.0.0.1']);
  });

  it('writes its record again when it has been taken off', async () => {
    await membership.start();
    await becomesMember();
    await createMembers(world.store, silentLog).remove('me');
    await until(async () => expect(await addresses()).to.deep.equal(['10.0.0.1']), within);
  });

  it('follows the address of its device, and keeps it while the cable is out', async () => {
    await membership.start();
    await becomesMember();
    world.devices.clear();
    await until(async () => expect(world.looks.count).to.be.greaterThan(2), within);
    expect(membership.status().underlay?.address).to.equal('10.0.0.1');
    world.devices.set('eth0', '10.0.0.2');
    await until(async () => expect(await addresses()).to.deep.equal(['10.0.0.2']), within);
    expect(membership.status().underlay?.address).to.equal('10.0.0.2');
  });

  it('can be stopped while it waits', async () => {
    failure = new AppError('unavailable', 'no Consul');
    await membership.start();
    await hasProblem(/no Consul/);
    await membership.stop();
    const before = connects;
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(connects).to.equal(before);
  });

  it('refuses every command, and says what to do instead', async () => {
    await membership.start();
    const commands = [membership.bootstrap, membership.join, () => membership.bind('eth1'), membership.leave];
    for (const command of commands) {
      expect(await command().catch(messageOf)).to.match(/set by `consul` in its agent.yml/);
    }
  });

  it('is refused to a host that belongs to a cluster of our own', async () => {
    await world.file.write({ member: firstMember(clusterConfig.parse({ name: 'blue' })) });
    expect(await membership.start().catch(messageOf)).to.match(/belongs to cluster blue.*cluster leave/);
  });
});
