import { expect } from 'chai';
import { PARALLEL } from '../../../lib/agent/settle-queue.js';
import type { Entry, Store } from '../../../lib/store/store.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { storedLeases } from '../../support/leases.js';
import { until } from '../../support/until.js';

const leases = async (store: Store) => (await storedLeases(store)).length;

/** Runs the container `con` alone. @returns its block, once others are told that it runs */
async function blockOfOne({ docker, endpoints, store }: Awaited<ReturnType<typeof setUp>>): Promise<Entry> {
  docker.create('con', 'web');
  docker.start('con');
  await endpoints.started('con');
  await until(async () => (await storedLeases(store)).every(({ up }) => up));
  const [block] = await store.list('blocks/web/');
  return block!;
}

describe('convergence', () => {
  /** Runs the loop; it is running when `during` is called, and has ended when this resolves. */
  async function run(parts: Awaited<ReturnType<typeof setUp>>, during: () => Promise<void> | void) {
    const { stopped } = await parts.convergence.start();
    await parts.following();
    await during();
    parts.end();
    await stopped;
  }

  it('connects what ran before it came, and forgets what has gone', async () => {
    const first = await setUp();
    const gone = first.docker.create('gone', 'web');
    first.docker.start('gone');
    await first.endpoints.settle(gone);
    const kept = first.docker.create('kept', 'web');
    first.docker.start('kept');
    await first.endpoints.settle(kept);
    first.docker.remove('gone');
    first.docker.create('new', 'web');
    first.docker.start('new');

    const second = await setUp(first);
    await run(second, () => undefined);
    expect(second.endpoints.find('kept')).to.include({ state: 'up', ip: '10.0.0.3' });
    expect(second.endpoints.find('new')?.state).to.equal('up');
    expect(await leases(first.store)).to.equal(2);
    expect([...first.bridge.ports.keys()]).to.have.members([kept, second.endpoints.find('new')!.container]);
    expect(first.bridge.preparedCount(), 'the kept one is not made anew').to.equal(3);
  });

  it('makes anew what a crash left half-done', async () => {
    const first = await setUp();
    const id = first.docker.create('con', 'web');
    await first.endpoints.starting('con');
    first.docker.start('con');
    const second = await setUp(first);
    await run(second, () => undefined);
    expect(second.endpoints.find(id)?.state).to.equal('up');
    expect(first.bridge.plugged.size).to.equal(1);
  });

  it('follows events: start, exit, rename, removal', async () => {
    const parts = await setUp();
    const { docker, endpoints, store } = parts;
    await run(parts, async () => {
      docker.create('con', 'web');
      docker.start('con');
      await until(() => endpoints.find('con')?.state === 'up');
      docker.rename('con', 'other');
      await until(() => endpoints.find('other')?.state === 'up');
      docker.stop('other');
      await until(() => endpoints.find('other')?.state === 'down');
      docker.remove('other');
      await until(async () => (await leases(store)) === 0);
    });
  });

  it('restores the rules after a restart of Open vSwitch', async () => {
    const parts = await setUp();
    const { docker, bridge, endpoints } = parts;
    await run(parts, async () => {
      docker.create('con', 'web');
      docker.start('con');
      await endpoints.started('con');
      bridge.rules.clear();
      bridge.restart();
      await until(() => bridge.rules.size === 1);
    });
  });

  it('makes a port anew that was taken away, and no other', async () => {
    const parts = await setUp();
    const { docker, bridge, endpoints, convergence } = parts;
    await run(parts, async () => {
      const [lost, kept] = [docker.create('lost', 'web'), docker.create('kept', 'web')];
      for (const id of [lost, kept]) {
        docker.start(id);
        await endpoints.started(id);
      }
      await bridge.datapath.unplug(lost);
      await convergence.converge();
      expect([...bridge.ports.keys()]).to.have.members([lost, kept]);
      expect(bridge.plugged.size).to.equal(2);
      expect(bridge.preparedCount()).to.equal(3);
    });
  });

  it('says again what a write undid that was given up long ago, and arrives now', async () => {
    const parts = await setUp();
    const { store } = parts;
    await run(parts, async () => {
      const block = await blockOfOne(parts);
      const value = block.value.replace('"up":true', '"up":false');
      expect(await store.commit([{ ...block, value, ifVersion: block.version }])).to.be.above(0);
      await until(async () => (await storedLeases(store)).every(({ up }) => up));
    });
  });

  it('gives back an address whose lease arrives when its container has gone', async () => {
    const parts = await setUp();
    const { docker, store } = parts;
    await run(parts, async () => {
      const block = await blockOfOne(parts);
      docker.remove('con');
      await until(async () => (await storedLeases(store)).length === 0);
      expect(await store.commit([{ ...block, ifVersion: 0 }])).to.be.above(0);
      await until(async () => (await storedLeases(store)).length === 0);
    });
  });

  it('has ended with all that was under way before another may take its place', async () => {
    const { docker, bridge, convergence, endpoints, end } = await setUp();
    const { stopped } = await convergence.start();
    docker.create('con', 'web');
    docker.start('con');
    let unblock!: () => void;
    const blocked = new Promise<void>((resolve) => (unblock = resolve));
    const { plug, sync } = bridge.datapath;
    bridge.datapath.plug = async (...of) => blocked.then(() => plug(...of));
    const settled = endpoints.settle('con').then(() => 'settled');
    end();
    setImmediate(unblock);
    expect(await Promise.race([settled, stopped.then(() => 'stopped')])).to.equal('settled');
    await stopped;
    let synced = 0;
    bridge.datapath.sync = async (...of) => (synced++, sync(...of));
    await convergence.converge();
    expect(synced).to.equal(0);
  });

  it('carries a new network also when everything is looked at in that moment', async () => {
    const parts = await setUp();
    const { bridge, convergence } = parts;
    await run(parts, async () => {
      const { ensureNetwork } = bridge.datapath;
      let converged = 0;
      bridge.datapath.ensureNetwork = async (network) => {
        await ensureNetwork(network);
        await convergence.converge();
        converged++;
      };
      await parts.networks.create('db', '10.9.0.0/24');
      await until(() => converged > 0);
      expect([...bridge.networks.keys()]).to.have.members(['web', 'db', 'default']);
    });
  });

  it('carries networks as they come and go', async () => {
    const parts = await setUp();
    await run(parts, async () => {
      await parts.networks.create('db', '10.9.0.0/24');
      const carried = () => [...parts.bridge.networks.keys()].sort().join();
      await until(() => carried() === 'db,default,web');
      await parts.networks.remove('db');
      await until(() => carried() === 'default,web');
    });
  });

  it('settles a few containers at a time, and one that is slow does not hold up the others', async () => {
    const parts = await setUp();
    const { docker, endpoints } = parts;
    await run(parts, async () => {
      const { inspect } = docker.docker;
      const slow = docker.create('slow');
      let release!: () => void;
      const blocked = new Promise<void>((resolve) => (release = resolve));
      const asked = new Map<string, number>();
      let most = 0;
      docker.docker.inspect = async (id) => {
        asked.set(id, (asked.get(id) ?? 0) + 1);
        most = Math.max(most, asked.size);
        try {
          if (id === slow) await blocked;
          await new Promise(setImmediate);
          return await inspect(id);
        } finally {
          asked.delete(id);
        }
      };
      for (let round = 0; round < PARALLEL + 1; round++) docker.rename(slow, `slow${round}`);
      const others = Array.from({ length: 3 * PARALLEL }, (_, n) => docker.create(`con${n}`));
      for (const id of others) docker.start(id);
      docker.create('last', 'web', '10.0.0.6');
      docker.start('last');
      await until(() => endpoints.find('last')?.state === 'up');
      expect([most, asked.has(slow)]).to.deep.equal([PARALLEL, true]);
      release();
    });
  });
});
