import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
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

  it('takes one for a success that has exited before Docker notices', async () => {
    const { docker, bridge, endpoints } = await setUp();
    const id = docker.create('con', 'web');
    docker.start('con');
    bridge.datapath.plug = async () => {
      setTimeout(() => docker.remove(id), 50);
      throw new AppError('notFound', 'it does not run any more');
    };
    expect(await endpoints.started('con')).to.include({ state: 'down' });
  });

  it('does not call a container connected that has exited while it was plugged', async () => {
    const { docker, bridge, endpoints, store } = await setUp();
    const id = docker.create('con', 'web');
    docker.start('con');
    bridge.datapath.plug = async () => {
      docker.stop(id);
      throw new AppError('notFound', 'gone');
    };
    const found = await endpoints.started('con');
    expect(found).to.include({ state: 'down', pid: 0, port: undefined, ip: '10.0.0.2' });
    expect([bridge.ports.size, await leases(store)]).to.deep.equal([0, 1]);
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
    const { docker, endpoints, convergence, ipam, store } = await setUp();
    const id = docker.create('con', 'web');
    docker.start('con');
    await endpoints.started('con');
    docker.remove('con');
    const { commit } = store;
    store.commit = async () => Promise.reject(new AppError('unavailable', 'away'));
    await endpoints.removed('con');
    expect(ipam.find(id)?.ip).to.equal('10.0.0.2');
    store.commit = commit;
    await convergence.converge();
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
