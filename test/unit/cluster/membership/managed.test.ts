import { expect } from 'chai';
import { AppError, messageOf } from '../../../../lib/base/errors.js';
import { silentLog } from '../../../../lib/base/log.js';
import { until } from '../../../../lib/concurrency/until.js';
import { createMembers } from '../../../../lib/cluster/hosts/records.js';
import type { Membership } from '../../../../lib/cluster/membership/membership.js';
import { createWorld, MEMBER, type Fault } from '../../../support/cluster/world.js';

const BROKEN = new AppError('unavailable', 'broken on purpose');

describe('membership in a cluster of our own', () => {
  const running: Membership[] = [];
  let world: ReturnType<typeof createWorld>;
  const start = async (timeout?: number) => {
    const membership = world.membership(timeout);
    running.push(membership);
    await membership.start();
    return membership;
  };
  const becomes = (membership: Membership, state: string) =>
    until(async () => expect(membership.status().state).to.equal(state), { timeout: 3_000, every: 5 });
  const recorded = async () =>
    (await createMembers(world.store, silentLog).list()).map(({ hostId, address }) => `${hostId} ${address}`);
  const failureOf = (command: Promise<void>) => command.then(() => 'no failure', messageOf);
  /** The host belongs to no cluster, and nothing is left of one. */
  const isNothing = (membership: Membership) => {
    expect(membership.status().state).to.equal('none');
    expect(world.disk.state.member).to.equal(undefined);
    expect(world.consul).to.include({ spec: undefined, hasData: false });
    expect(world.host.isConnected).to.equal(false);
  };

  beforeEach(() => (world = createWorld()));
  afterEach(async () => {
    world.faults.clear();
    for (const membership of running.splice(0)) await membership.stop();
  });

  it('is none until a command says otherwise', async () => {
    isNothing(await start());
  });

  it('is begun by a command, once', async () => {
    const membership = await start();
    await membership.bootstrap();
    expect(membership.status()).to.include({ state: 'member', server: true, problem: undefined });
    expect(await recorded()).to.deep.equal(['me 10.0.0.1']);
    // A founder that starts again must not elect itself once more.
    expect(world.consul.spec?.bootstrap).to.equal(true);
    expect(world.disk.state.member).to.include({ bootstrap: false, server: true });
    expect(await failureOf(membership.bootstrap())).to.match(/belongs to cluster socketplane already/);
    expect(await failureOf(membership.join(MEMBER))).to.match(/already/);
    expect(membership.status().state).to.equal('member');
  });

  it('is joined at the address of a member', async () => {
    const membership = await start();
    await membership.join(MEMBER);
    expect(membership.status()).to.include({ state: 'member', server: false });
    expect(world.consul.joined).to.deep.equal([MEMBER]);
    expect(world.disk.state.member?.peers).to.deep.equal([MEMBER]);
    expect(world.underlayOf(membership)).to.equal('10.0.0.1');
  });

  describe('that fails', () => {
    for (const [fault, message] of [
      ['write', /broken on purpose/],
      ['identity', /broken on purpose/],
      ['apply', /broken on purpose/],
      ['admit', /no member let this host in: has it the same key\? \(broken on purpose\)/],
      ['leader', /no Consul server of the cluster has answered/],
      ['connect', /no Consul server of the cluster has answered/],
    ] as [Fault, RegExp][]) {
      it(`at "${fault}" leaves nothing behind, and works when it is tried again`, async () => {
        const membership = await start();
        world.faults.set(fault, BROKEN);
        expect(await failureOf(membership.join(MEMBER))).to.match(message);
        isNothing(membership);
        world.faults.clear();
        await membership.join(MEMBER);
        expect(membership.status().state).to.equal('member');
      });
    }

    it('starts no Consul with an identity that another machine has', async () => {
      const membership = await start();
      world.faults.set('identity', BROKEN);
      await failureOf(membership.join(MEMBER));
      expect(world.consul.applied).to.deep.equal([]);
    });

    it('for want of a device names it', async () => {
      const membership = await start();
      world.devices.clear();
      expect(await failureOf(membership.bind('eth7'))).to.match(/device eth7 is not there/);
      expect(await failureOf(membership.bootstrap())).to.match(/cluster bind <device>/);
      isNothing(membership);
    });

    it('for a conflict does not wait until time is up', async () => {
      const membership = await start(60_000);
      world.faults.set('connect', new AppError('conflict', 'network web is in the way'));
      expect(await failureOf(membership.join(MEMBER))).to.equal('network web is in the way');
      isNothing(membership);
    });

    it('leaves nothing behind even if undoing it fails', async () => {
      const membership = await start();
      world.faults.set('leader', BROKEN);
      world.faults.set('consul-leave', BROKEN);
      expect(await failureOf(membership.join(MEMBER))).to.match(/has answered/);
      expect(world.disk.state.member).to.equal(undefined);
      world.faults.clear();
      await membership.join(MEMBER);
      expect(membership.status().state).to.equal('member');
    });

    it('because the agent stops says so, and leaves nothing behind', async () => {
      const membership = await start(60_000);
      world.faults.set('leader', BROKEN);
      const joining = failureOf(membership.join(MEMBER));
      await becomes(membership, 'joining');
      await membership.stop();
      expect(await joining).to.equal('the agent stops');
      expect(world.disk.state.member).to.equal(undefined);
    });
  });

  describe('of an agent that starts again', () => {
    beforeEach(async () => {
      await (await start()).join(MEMBER);
      // As after a crash: the one before ends without a word.
      world.host.isConnected = false;
    });

    it('is what it was, without a command', async () => {
      const next = await start();
      await becomes(next, 'member');
      expect(await recorded()).to.deep.equal(['me 10.0.0.1']);
      expect(world.host.isConnected).to.equal(true);
    });

    it('waits for its device, and for the others', async () => {
      world.devices.clear();
      world.faults.set('leader', BROKEN);
      const next = await start();
      await until(async () => expect(next.status().problem).to.match(/default route|device/), {
        timeout: 2_000,
      });
      expect(next.status().state).to.equal('joining');
      world.devices.set('eth0', '10.0.0.2');
      await until(async () => expect(next.status().problem).to.match(/no leader/), { timeout: 4_000 });
      expect(next.status().state).to.equal('joining');
      // It can be found while it waits: all others may have new addresses too.
      await until(async () => expect(world.host.announced.at(-1)).to.equal('socketplane'), {
        timeout: 2_000,
      });
      world.faults.clear();
      await becomes(next, 'member');
      await until(async () => expect(await recorded()).to.deep.equal(['me 10.0.0.2']), { timeout: 2_000 });
    });

    it('tries again when Consul cannot be started, and when the store cannot be opened', async () => {
      world.faults.set('apply', BROKEN);
      world.faults.set('connect', BROKEN);
      const next = await start();
      await until(async () => expect(next.status().problem).to.equal('broken on purpose'), {
        timeout: 2_000,
      });
      const { length } = world.consul.applied;
      world.faults.delete('apply');
      await until(async () => expect(world.consul.applied).to.have.length(length + 1), { timeout: 3_000 });
      expect(next.status().state).to.equal('joining');
      world.faults.clear();
      await becomes(next, 'member');
    });

    it('can be left while it waits for the others', async () => {
      world.faults.set('leader', BROKEN);
      const next = await start();
      await becomes(next, 'joining');
      world.faults.clear();
      await next.leave();
      isNothing(next);
    });

    it('goes on after a stop in the middle of that', async () => {
      world.faults.set('leader', BROKEN);
      const next = await start();
      await becomes(next, 'joining');
      await next.stop();
      expect(world.disk.state.member).not.to.equal(undefined);
      world.faults.clear();
      await becomes(await start(), 'member');
    });
  });

  describe('that is left', () => {
    it('leaves nothing behind, and may be left twice', async () => {
      const membership = await start();
      await membership.bootstrap();
      await membership.leave();
      isNothing(membership);
      expect(await recorded()).to.deep.equal([]);
      expect(world.host.announced.at(-1)).to.equal(undefined);
      await membership.leave();
      isNothing(membership);
      await membership.bootstrap();
      expect(membership.status().state).to.equal('member');
    });

    for (const fault of ['consul-leave', 'remove'] as const) {
      it(`stays leaving when "${fault}" fails, until it is left again`, async () => {
        const membership = await start();
        await membership.bootstrap();
        world.faults.set(fault, BROKEN);
        expect(await failureOf(membership.leave())).to.equal('broken on purpose');
        expect(membership.status().state).to.equal('leaving');
        world.faults.clear();
        await membership.leave();
        isNothing(membership);
      });
    }

    it('gives back what the host has, whether or not it is a member', async () => {
      const membership = await start();
      // As an agent finds it that was killed while it left.
      world.host.isConnected = true;
      await membership.leave();
      isNothing(membership);
    });

    it('is left even if the store cannot be reached', async () => {
      const membership = await start();
      await membership.join(MEMBER);
      world.faults.set('disconnect', BROKEN);
      world.store.commit = () => Promise.reject(BROKEN);
      await membership.leave();
      expect(membership.status().state).to.equal('none');
      expect(world.disk.state.member).to.equal(undefined);
      expect(world.consul.hasData).to.equal(false);
    });
  });

  describe('that is looked for', () => {
    beforeEach(() => (world = createWorld({ bootstrap: false })));

    it('is found in the background', async () => {
      const membership = await start();
      await until(async () => expect(membership.status().problem).to.match(/no cluster/), { timeout: 2_000 });
      expect(membership.status().state).to.equal('seeking');
      world.found.peers = [MEMBER];
      await becomes(membership, 'member');
      expect(membership.status().problem).to.equal(undefined);
    });

    it('goes on being looked for after a command that failed, and not after one that worked', async () => {
      const membership = await start();
      expect(await failureOf(membership.join('10.0.0.77'))).to.match(/nobody at/);
      expect(membership.status().state).to.equal('seeking');
      await membership.bootstrap();
      world.found.peers = [MEMBER];
      expect(membership.status().state).to.equal('member');
      expect(world.consul.joined).to.deep.equal([]);
    });

    it('is not looked for any more once it was left', async () => {
      const membership = await start();
      await membership.leave();
      world.found.peers = [MEMBER];
      isNothing(membership);
    });
  });

  describe('whose address changes', () => {
    it('moves Consul and its record, and tells those who look', async () => {
      const membership = await start();
      await membership.bootstrap();
      world.devices.set('eth0', '10.0.0.5');
      await until(async () => expect(await recorded()).to.deep.equal(['me 10.0.0.5']), { timeout: 3_000 });
      expect(world.consul.spec?.address).to.equal('10.0.0.5');
      expect(world.underlayOf(membership)).to.equal('10.0.0.5');
    });

    it('stays while the cable is out', async () => {
      const membership = await start();
      await membership.bootstrap();
      const { length } = world.consul.applied;
      world.devices.clear();
      await until(async () => expect(world.looks.count).to.be.greaterThan(3), { timeout: 2_000 });
      expect(membership.status()).to.deep.include({ state: 'member' });
      expect(world.underlayOf(membership)).to.equal('10.0.0.1');
      expect(world.consul.applied).to.have.length(length);
    });

    it('moves to the device to which it is bound, also after a restart', async () => {
      const membership = await start();
      await membership.bootstrap();
      world.devices.set('eth1', '10.0.1.1');
      await membership.bind('eth1');
      await until(async () => expect(await recorded()).to.deep.equal(['me 10.0.1.1']), { timeout: 3_000 });
      expect(world.disk.state.interface).to.equal('eth1');
      const next = await start();
      await becomes(next, 'member');
      expect(next.status().underlay?.device).to.equal('eth1');
    });
  });
});
