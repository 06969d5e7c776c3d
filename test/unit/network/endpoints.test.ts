import { expect } from 'chai';
import { AppError } from '../../../lib/errors.js';
import type { Store } from '../../../lib/store/store.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { storedLeases } from '../../support/leases.js';

const leases = async (store: Store) => (await storedLeases(store)).length;

async function messageFrom(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'did not fail',
    (error: unknown) => (error as Error).message,
  );
}

describe('endpoints', () => {
  it('leases before the start, and plugs after it', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    const id = docker.create('con', 'web');
    await endpoints.starting('con');
    expect(await leases(store)).to.equal(1);
    docker.start('con');
    const connection = await endpoints.started('con');
    expect(connection).to.include({ state: 'up', ip: '10.0.0.2', mac: '02:42:0a:00:00:02', container: id });
    expect([...bridge.plugged.values()].map(({ ip }) => ip)).to.deep.equal(['10.0.0.2']);
  });

  it('does the work once for hook and event', async () => {
    const { docker, bridge, endpoints } = await setUp();
    const id = docker.create('con', 'web');
    await endpoints.starting('con');
    docker.start('con');
    await Promise.all([endpoints.started('con'), endpoints.settle(id), endpoints.settle(id)]);
    expect(bridge.preparedCount()).to.equal(1);
  });

  it('leaves containers alone that are none of ours', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    docker.create('other');
    await endpoints.starting('other');
    docker.start('other');
    expect(await endpoints.started('other')).to.equal(undefined);
    docker.remove('other');
    await endpoints.removed('other');
    expect([await leases(store), bridge.ports.size]).to.deep.equal([0, 0]);
  });

  it('takes everything back when Docker did not start it', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    docker.create('con', 'web');
    await endpoints.starting('con');
    await endpoints.startFailed('con');
    expect([await leases(store), bridge.ports.size]).to.deep.equal([0, 0]);
  });

  it('keeps the address of an earlier run when a later start fails', async () => {
    const { docker, endpoints, store } = await setUp();
    docker.create('con', 'web');
    docker.start('con');
    await endpoints.started('con');
    docker.stop('con');
    await endpoints.settle('con');
    await endpoints.starting('con');
    await endpoints.startFailed('con');
    expect(await leases(store)).to.equal(1);
    expect(endpoints.find('con')?.state).to.equal('down');
  });

  it('does not take away the port of a start that is under way, when an older exit is reported late', async () => {
    const { docker, bridge, endpoints } = await setUp();
    const id = docker.create('con', 'web');
    await endpoints.starting('con');
    await endpoints.settle(id);
    expect(bridge.ports.size).to.equal(1);
    docker.start('con');
    await endpoints.started('con');
    expect(bridge.preparedCount()).to.equal(1);
  });

  for (const half of ['prepare', 'plug'] as const) {
    it(`stops the container and returns its address when "${half}" fails`, async () => {
      const { docker, bridge, endpoints, store } = await setUp();
      const id = docker.create('con', 'web');
      bridge.fail[half] = new AppError('unavailable', 'the bridge is on fire');
      await endpoints.starting('con');
      docker.start('con');
      expect(await messageFrom(endpoints.started('con'))).to.equal('the bridge is on fire');
      expect((await docker.docker.inspect(id))?.running).to.equal(false);
      expect([await leases(store), bridge.ports.size]).to.deep.equal([0, 0]);
    });
  }

  it('does not stop a container that restarted by itself, and tries it again', async () => {
    const { docker, bridge, endpoints } = await setUp();
    const id = docker.create('con', 'web');
    bridge.fail.plug = new AppError('internal', 'not now');
    docker.start('con');
    await messageFrom(endpoints.settle(id));
    expect((await docker.docker.inspect(id))?.running).to.equal(true);
    expect(endpoints.find('con')).to.include({ state: 'failed', reason: 'not now' });
    delete bridge.fail.plug;
    expect((await endpoints.settle(id))?.state).to.equal('up');
  });

  it('takes a container that has exited meanwhile for a success', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    const id = docker.create('con', 'web');
    await endpoints.starting('con');
    docker.start('con');
    const plug = bridge.datapath.plug;
    bridge.datapath.plug = async () => {
      docker.remove(id);
      throw new AppError('notFound', 'gone');
    };
    await endpoints.started('con');
    bridge.datapath.plug = plug;
    await endpoints.settle(id);
    expect([await leases(store), bridge.ports.size]).to.deep.equal([0, 0]);
  });

  it('takes the port of a container that exited before its start was reported', async () => {
    const { docker, bridge, endpoints } = await setUp();
    docker.create('con', 'web');
    await endpoints.starting('con');
    docker.start('con');
    docker.stop('con');
    await endpoints.started('con');
    await endpoints.idle();
    expect(endpoints.find('con')?.state).to.equal('down');
    expect(bridge.ports.size).to.equal(0);
  });

  it('does not call a removal failed because the store is away, and gives back later', async () => {
    const { docker, endpoints, agent, ipam, store } = await setUp();
    const id = docker.create('con', 'web');
    docker.start('con');
    await endpoints.started('con');
    docker.remove('con');
    const { commit } = store;
    store.commit = async () => Promise.reject(new AppError('unavailable', 'away'));
    await endpoints.removed('con');
    expect(ipam.find(id)?.ip).to.equal('10.0.0.2');
    store.commit = commit;
    await agent.converge();
    expect(await leases(store)).to.equal(0);
  });

  it('follows the container over a restart, with the same address', async () => {
    const { docker, bridge, endpoints } = await setUp();
    const id = docker.create('con', 'web');
    docker.start('con');
    const first = await endpoints.settle(id);
    docker.stop('con');
    docker.start('con');
    const second = await endpoints.settle(id);
    expect([first?.ip, second?.ip]).to.deep.equal(['10.0.0.2', '10.0.0.2']);
    expect(bridge.preparedCount()).to.equal(2);
  });

  it('returns everything after a removal by name, short id or full id', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    for (const reference of [
      (name: string) => name,
      (_: string, id: string) => id.slice(0, 8),
      (_: string, id: string) => id,
    ]) {
      const id = docker.create('con', 'web');
      docker.start('con');
      await endpoints.started('con');
      docker.remove('con');
      await endpoints.removed(reference('con', id));
      expect([await leases(store), bridge.ports.size]).to.deep.equal([0, 0]);
    }
  });

  it('says that the network is full, and starts again when an address is back', async () => {
    const { docker, endpoints } = await setUp();
    for (let n = 0; n < 5; n++) {
      docker.create(`con${n}`, 'web');
      docker.start(`con${n}`);
      await endpoints.started(`con${n}`);
    }
    docker.create('late', 'web');
    expect(await messageFrom(endpoints.starting('late'))).to.match(/network web .* is full/);
    docker.remove('con2');
    await endpoints.removed('con2');
    await endpoints.starting('late');
  });
});

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
