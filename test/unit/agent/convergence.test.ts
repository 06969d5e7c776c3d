import { expect } from 'chai';
import type { Entry, Store } from '../../../lib/store/store.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { storedLeases } from '../../support/leases.js';

const leases = async (store: Store) => (await storedLeases(store)).length;

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Runs the container `con` alone, and gives its block when all is told of it. */
async function blockOfOne({ docker, endpoints, store }: Awaited<ReturnType<typeof setUp>>): Promise<Entry> {
  docker.create('con', 'web');
  docker.start('con');
  await endpoints.started('con');
  await new Promise((resolve) => setTimeout(resolve, 20));
  const [block] = await store.list('blocks/web/');
  return block!;
}

describe('agent', () => {
  async function run(parts: Awaited<ReturnType<typeof setUp>>, during: () => Promise<void> | void) {
    const abort = new AbortController();
    const { stopped } = await parts.agent.start(abort.signal);
    await during();
    await new Promise((resolve) => setTimeout(resolve, 20));
    abort.abort();
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
      const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
      docker.create('con', 'web');
      docker.start('con');
      await settled();
      expect(endpoints.find('con')?.state).to.equal('up');
      docker.rename('con', 'other');
      await settled();
      expect(endpoints.find('other')?.state).to.equal('up');
      docker.stop('other');
      await settled();
      expect(endpoints.find('other')?.state).to.equal('down');
      docker.remove('other');
      await settled();
      expect(await leases(store)).to.equal(0);
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
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(bridge.rules.size).to.equal(1);
    });
  });

  it('makes a port anew that was taken away, and no other', async () => {
    const parts = await setUp();
    const { docker, bridge, endpoints, agent } = parts;
    await run(parts, async () => {
      const [lost, kept] = [docker.create('lost', 'web'), docker.create('kept', 'web')];
      for (const id of [lost, kept]) {
        docker.start(id);
        await endpoints.started(id);
      }
      await bridge.datapath.unplug(lost);
      await agent.converge();
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
    const { docker, bridge, agent, endpoints } = await setUp();
    const end = new AbortController();
    const { stopped } = await agent.start(end.signal);
    docker.create('con', 'web');
    docker.start('con');
    let unblock!: () => void;
    const blocked = new Promise<void>((resolve) => (unblock = resolve));
    const { plug, sync } = bridge.datapath;
    bridge.datapath.plug = async (...of) => blocked.then(() => plug(...of));
    const settled = endpoints.settle('con').then(() => 'settled');
    end.abort();
    setTimeout(unblock, 20);
    expect(await Promise.race([settled, stopped.then(() => 'stopped')])).to.equal('settled');
    await stopped;
    let synced = 0;
    bridge.datapath.sync = async (...of) => (synced++, sync(...of));
    await agent.converge();
    expect(synced).to.equal(0);
  });

  it('carries a new network also when everything is looked at in that moment', async () => {
    const parts = await setUp();
    const { bridge, agent } = parts;
    await run(parts, async () => {
      const { ensureNetwork } = bridge.datapath;
      bridge.datapath.ensureNetwork = async (network) => {
        await ensureNetwork(network);
        await agent.converge();
      };
      await parts.networks.create('db', '10.9.0.0/24');
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([...bridge.networks.keys()]).to.have.members(['web', 'db', 'default']);
    });
  });

  it('carries networks as they come and go', async () => {
    const parts = await setUp();
    await run(parts, async () => {
      await parts.networks.create('db', '10.9.0.0/24');
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect([...parts.bridge.networks.keys()]).to.have.members(['web', 'db', 'default']);
      await parts.networks.remove('db');
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect([...parts.bridge.networks.keys()]).to.have.members(['web', 'default']);
    });
  });
});
