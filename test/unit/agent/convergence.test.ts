import { expect } from 'chai';
import { PARALLEL } from '../../../lib/agent/settle-queue.js';
import { AppError } from '../../../lib/base/errors.js';
import { createIpam } from '../../../lib/ipam/ipam.js';
import type { Entry, Store } from '../../../lib/store/store.js';
import { setUp } from '../../support/agent-on-fakes.js';
import { storedLeases } from '../../support/leases.js';
import { until } from '../../support/until.js';

type Parts = Awaited<ReturnType<typeof setUp>>;

const IP = '10.0.0.2';
const leases = async (store: Store) => (await storedLeases(store)).length;

describe('convergence', () => {
  /** Runs the loop; it is running when `during` is called, and has ended when this resolves. */
  async function run(parts: Parts, during: () => Promise<void> | void) {
    const { stopped } = await parts.convergence.start();
    await parts.following();
    try {
      await during();
    } finally {
      parts.end();
      await stopped;
    }
  }

  /** Runs the container. @returns its id, once everybody knows it */
  async function runs({ docker, find, ipam }: Parts, name = 'con'): Promise<string> {
    const id = docker.create(name, 'web');
    await docker.start(id);
    await until(() => find(id)?.state === 'up');
    await until(() => ipam.ofContainer(id).some(({ up }) => up));
    return id;
  }

  /** The block of the only container, as the store has it. */
  const block = async ({ store }: Parts): Promise<Entry> => (await store.list('blocks/web/'))[0]!;

  it('finds what ran before it came, and forgets what has gone', async () => {
    const first = await setUp();
    const [gone, stays] = [first.docker.create('gone', 'web'), first.docker.create('stays', 'web')];
    for (const id of [gone, stays]) {
      await first.docker.start(id);
      await first.settle.container(id);
    }
    await until(() => first.teller.areAllTold());
    first.docker.drive({ ...first.docker.driver()!, close: async () => {}, giveBack: async () => {} });
    const { endpoint } = first.docker.place(gone, 'web')!;
    await first.docker.remove(gone);
    // The kernel removes it with the container.
    first.bridge.loseLink(endpoint);

    const second = await setUp(first);
    await run(second, () => undefined);
    expect(second.find('stays')).to.include({ state: 'up', ip: '10.0.0.3' });
    expect((await storedLeases(first.store)).map(({ container }) => container)).to.deep.equal([stays]);
    expect([...first.bridge.ports.keys()]).to.deep.equal([first.docker.place(stays, 'web')?.endpoint]);
    expect(first.bridge.attachedCount(), 'nothing is made anew').to.equal(2);
  });

  it('keeps the addresses of containers that do not run when it comes', async () => {
    const first = await setUp();
    const lease = await first.addresses.keep('web', { names: ['con'] });
    const id = first.docker.create('con', { network: 'web', ip: lease.ip, isKept: true });
    await first.addresses.assign(lease, id, ['con']);
    const second = await setUp(first);
    await run(second, () => undefined);
    expect(second.find('con')).to.include({ state: 'down', ip: lease.ip });
  });

  it('starts what Docker was to start, and could not without an agent', async () => {
    const parts = await setUp();
    const names = ['kept', 'plain'];
    const lease = await parts.addresses.keep('web', { names: ['kept'] });
    const id = parts.docker.create('kept', { network: 'web', ip: lease.ip, isKept: true });
    await parts.addresses.assign(lease, id, ['kept']);
    parts.docker.create('plain', 'web');
    parts.docker.create('other', 'web');
    for (const name of names) parts.docker.giveUp(name, 'remote: not now: the agent is away');
    parts.docker.giveUp('other', 'remote: 10.0.0.9 is taken');
    await run(parts, () => until(() => names.every((name) => parts.find(name)?.state === 'up')));
    expect(parts.find('kept')?.ip).to.equal(lease.ip);
    expect(parts.find('other')?.state).to.not.equal('up');
  });

  it('spares what users chose for containers that it finds, running or not', async () => {
    const setup = await setUp();
    setup.docker.create('con', { network: 'web', ip: '10.0.0.2' });
    await run(setup, () => undefined);
    expect((await setup.addresses.keep('web', { names: ['other'] })).ip).to.equal('10.0.0.3');
  });

  it('follows events: start, exit, rename, removal', async () => {
    const parts = await setUp();
    const { docker, find, store } = parts;
    await run(parts, async () => {
      const id = await runs(parts);
      await docker.rename(id, 'other');
      await until(() => find('other')?.state === 'up');
      await until(async () => (await storedLeases(store))[0]?.names.includes('other'));
      await docker.stop(id);
      await until(async () => (await leases(store)) === 0);
      await docker.start(id);
      await until(() => find('other')?.state === 'up');
      await docker.remove(id);
      await until(async () => (await leases(store)) === 0);
    });
  });

  it('follows a running container onto a network and off it', async () => {
    const parts = await setUp();
    const { docker, networks, connections, fanOut } = parts;
    await run(parts, async () => {
      await networks.create('shop', { subnet: '10.7.0.0/29' });
      const id = await runs(parts);
      await fanOut.expect('shop');
      await docker.docker.connect('shop', id, { Aliases: ['till'] });
      await until(() => connections.find(id).filter(({ state }) => state === 'up').length === 2);
      await docker.docker.disconnect('web', id);
      await until(
        () =>
          connections
            .find(id)
            .map(({ network }) => network.id)
            .join() === 'shop',
      );
    });
  });

  it('restores the rules after a restart of Open vSwitch', async () => {
    const parts = await setUp();
    const { bridge } = parts;
    await run(parts, async () => {
      await runs(parts);
      bridge.rules.clear();
      bridge.restart();
      await until(() => bridge.rules.size === 1);
    });
  });

  it('gives an endpoint its port again after the bridge was deleted by hand', async () => {
    const parts = await setUp();
    const { bridge, convergence, docker } = parts;
    await run(parts, async () => {
      const id = await runs(parts);
      bridge.deleteBridge();
      await convergence.converge();
      expect([...bridge.ports.keys()]).to.deep.equal([docker.place(id, 'web')?.endpoint]);
      expect(bridge.attachedCount()).to.equal(1);
    });
  });

  it('has Docker connect anew what has lost its link, and nothing else', async () => {
    const parts = await setUp();
    const { docker, bridge, find, convergence, passes } = parts;
    await run(parts, async () => {
      const [lost, stays] = [await runs(parts, 'lost'), await runs(parts, 'stays')];
      const [before, other] = [lost, stays].map((id) => docker.place(id, 'web')!.endpoint);
      bridge.loseLink(before!);
      await convergence.converge();
      await until(() => find('lost')?.state === 'up');
      expect(docker.place(lost, 'web')?.endpoint).to.not.equal(before);
      expect(docker.place(stays, 'web')?.endpoint).to.equal(other);
      expect([bridge.ports.size, bridge.links.size]).to.deep.equal([2, 2]);
      expect(passes.some(([, , repairs]) => repairs > 0)).to.equal(true);
    });
  });

  it('looks at the bridge first, and lets Docker call before it asks Docker anything', async () => {
    const parts = await setUp();
    const { docker, bridge, counts } = parts;
    const order: string[] = [];
    const { sync } = bridge.datapath;
    bridge.datapath.sync = async (...of) => (order.push('bridge'), sync(...of));
    const { containers, networks } = docker.docker;
    docker.docker.containers = async () => (order.push(`docker ${counts.bridge}`), containers());
    docker.docker.networks = async () => (order.push(`docker ${counts.bridge}`), networks());
    await run(parts, () => undefined);
    expect(order.slice(0, 3)).to.deep.equal(['bridge', 'docker 1', 'docker 1']);
  });

  it('lets Docker call although the bridge fails, takes nothing from anybody, and tries again', async () => {
    const first = await setUp();
    const id = first.docker.create('con', 'web');
    await first.docker.start(id);
    await first.settle.container(id);
    await until(() => first.teller.areAllTold());
    const parts = await setUp(first);
    const { bridge, counts, convergence, passes, ipam } = parts;
    bridge.fail.sync = new AppError('unavailable', 'Open vSwitch is down');
    const { stopped, bridged } = await convergence.start();
    expect([bridged, counts.bridge, passes[0]?.[0]]).to.deep.equal([false, 1, 'failed']);
    expect(ipam.find('web', IP)).to.include({ container: id, up: true });
    expect(bridge.ports.size).to.equal(1);
    delete bridge.fail.sync;
    expect(await convergence.converge()).to.equal(true);
    expect(passes.at(-1)?.[0]).to.equal('ok');
    expect(parts.find('con')?.state).to.equal('up');
    parts.end();
    await stopped;
  });

  it('serves the bridge while Docker is down, and ends what is undone when Docker is back', async () => {
    const parts = await setUp();
    const { docker, convergence, passes, bridge, store } = parts;
    await run(parts, async () => {
      const id = await runs(parts);
      docker.setDown(true);
      docker.drive({ ...docker.driver()!, close: async () => {}, giveBack: async () => {} });
      await docker.remove(id);
      bridge.rules.clear();
      expect(await convergence.converge(), 'bridged').to.equal(true);
      expect([passes.at(-1)?.[0], bridge.rules.size]).to.deep.equal(['failed', 1]);
      docker.setDown(false);
      await until(async () => (await leases(store)) === 0);
      expect(bridge.ports.size).to.equal(0);
    });
  });

  it('looks at containers although others cannot be told, and tells them later', async () => {
    const parts = await setUp();
    const { docker, convergence, passes, store, teller, bridge, ipam } = parts;
    await run(parts, async () => {
      const gone = await runs(parts, 'gone');
      const { commit } = store;
      store.commit = () => Promise.reject(new AppError('unavailable', 'away'));
      teller.tell('web', IP, { names: ['new'] });
      docker.drive({ ...docker.driver()!, close: async () => {} });
      await docker.remove(gone);
      await convergence.converge();
      expect([passes.at(-1)?.[0], bridge.ports.size]).to.deep.equal(['failed', 0]);
      store.commit = commit;
      await convergence.converge();
      expect([passes.at(-1)?.[0], ipam.owned().length, teller.areAllTold()]).to.deep.equal(['ok', 0, true]);
    });
  });

  it('says again what a write undid that was given up long ago, and arrives now', async () => {
    const parts = await setUp();
    const { store } = parts;
    await run(parts, async () => {
      await runs(parts);
      for (const [what, by] of [
        ['"up":true', '"up":false'],
        [/"endpoint":"\w+"/, '"endpoint":"f"'],
      ] as const) {
        const before = await block(parts);
        const value = before.value.replace(what, by);
        expect(value).to.not.equal(before.value);
        expect(await store.commit([{ ...before, value, ifVersion: before.version }])).to.be.above(0);
        await until(async () => (await block(parts)).value === before.value);
      }
    });
  });

  it('gives back an address whose lease arrives when its container has gone', async () => {
    const parts = await setUp();
    const { docker, store } = parts;
    await run(parts, async () => {
      const id = await runs(parts);
      const before = await block(parts);
      await docker.remove(id);
      await until(async () => (await leases(store)) === 0);
      expect(await store.commit([{ ...before, ifVersion: 0 }])).to.be.above(0);
      await until(async () => (await leases(store)) === 0);
    });
  });

  for (const isTaken of [false, true]) {
    it(`notices that another host drops its lease${isTaken ? ', and uses the address' : ''}`, async () => {
      const parts = await setUp();
      const { docker, store, networks, bridge, ipam } = parts;
      await run(parts, async () => {
        const id = await runs(parts);
        const other = createIpam({ store, host: 'h2' });
        await other.load();
        if (isTaken) {
          const [first, record] = [await block(parts), (await networks.find('web'))!];
          const value = first.value
            .replaceAll('"host":"h1"', '"host":"h2"')
            .replace(/"id":"\w+"/, '"id":"x"');
          expect(await store.commit([{ ...first, value, ifVersion: first.version }])).to.be.above(0);
          await until(() => docker.place(id, 'web')?.ip !== IP);
          expect(record.network.id).to.equal('web');
        } else await other.releaseHost('h1');
        await until(() => ipam.ofContainer(id).some(({ up }) => up));
        await until(() => bridge.ports.size === 1);
        expect(docker.place(id, 'web')?.ip === IP).to.equal(!isTaken);
      });
    });
  }

  it('has ended with all that was under way before another may take its place', async () => {
    const parts = await setUp();
    const { docker, bridge, convergence, end } = parts;
    const { stopped } = await convergence.start();
    await parts.following();
    const id = docker.create('con', 'web');
    await docker.start(id);
    let unblock!: () => void;
    const blocked = new Promise<void>((resolve) => (unblock = resolve));
    const { inspect } = docker.docker;
    let isAsked = false;
    let isSettled = false;
    docker.docker.inspect = async (reference) => {
      isAsked = true;
      await blocked;
      isSettled = true;
      return inspect(reference);
    };
    await docker.rename(id, 'other');
    await until(() => isAsked);
    end();
    setImmediate(unblock);
    await stopped;
    expect(isSettled).to.equal(true);
    let synced = 0;
    const { sync } = bridge.datapath;
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
      await parts.networks.create('db', { subnet: '10.9.0.0/24' });
      await until(() => converged > 0);
      expect([...bridge.networks.keys()]).to.have.members(['web', 'db', 'socketplane']);
    });
  });

  it('carries networks as they come and go, and Docker has them too', async () => {
    const parts = await setUp();
    const { networks, bridge, docker } = parts;
    await run(parts, async () => {
      const carried = () => [...bridge.networks.keys()].sort().join();
      const inDocker = async (name: string) =>
        (await docker.docker.networks()).find((one) => one.name === name)?.id;
      await networks.create('db', { subnet: '10.9.0.0/24' });
      await until(() => carried() === 'db,socketplane,web');
      await until(async () => (await inDocker('db')) !== undefined);
      const first = await inDocker('db');
      await networks.remove('db');
      await until(() => carried() === 'socketplane,web');
      await until(async () => (await inDocker('db')) === undefined);
      await networks.create('db', { subnet: '10.8.0.0/24' });
      await until(async () => (await inDocker('db')) !== undefined);
      expect(await inDocker('db')).to.not.equal(first);
      await until(() => bridge.networks.get('db')?.subnet === '10.8.0.0/24');
    });
  });

  it('finds out whose an endpoint is that no event has told of', async () => {
    const parts = await setUp();
    const { docker, find, convergence } = parts;
    await run(parts, async () => {
      const { inspect } = docker.docker;
      const id = docker.create('con', 'web');
      docker.docker.inspect = async () => Promise.reject(new AppError('unavailable', 'not now'));
      await docker.start(id);
      expect(parts.table.list()).to.have.length(1);
      await convergence.converge();
      expect(parts.connections.list()[0]).to.include({ state: 'starting', container: '' });
      docker.docker.inspect = inspect;
      await until(() => find('con')?.state === 'up');
    });
  });

  it('finds out by itself whose an endpoint is when events get lost', async () => {
    const parts = await setUp();
    const { docker, find, convergence, end } = parts;
    const { events } = docker.docker;
    // Ends with the agent, and tells nothing before that.
    docker.docker.events = async (signal) => {
      const all = await events(signal);
      return (async function* () {
        for await (const event of all) if (signal.aborted) yield event;
      })();
    };
    const { stopped } = await convergence.start();
    await convergence.converge();
    await docker.start(docker.create('con', 'web'));
    await until(() => find('con')?.state === 'up');
    end();
    await stopped;
  });

  it('looks at the bridge when Docker makes a network of its own, from which ours are kept apart', async () => {
    const parts = await setUp();
    const { docker, counts, passes } = parts;
    await run(parts, async () => {
      // One at the start, one when Docker's events come in.
      await until(() => passes.length >= 2);
      const before = counts.bridge;
      await docker.docker.createNetwork({ Name: 'own', Driver: 'bridge' });
      await until(() => counts.bridge > before);
    });
  });

  it('puts a container on its network again once its address is free', async () => {
    const parts = await setUp();
    const { docker, store, bridge, convergence } = parts;
    await run(parts, async () => {
      const id = docker.create('con', { network: 'web', ip: IP });
      await docker.start(id);
      await until(() => parts.ipam.ofContainer(id).some(({ up }) => up));
      const first = await block(parts);
      const value = first.value.replaceAll('"host":"h1"', '"host":"h2"').replace(/"id":"\w+"/, '"id":"x"');
      expect(await store.commit([{ ...first, value, ifVersion: first.version }])).to.be.above(0);
      await until(() => docker.place(id, 'web') === undefined && bridge.ports.size === 0);
      const other = createIpam({ store, host: 'h2' });
      await other.load();
      await other.release('web', IP);
      await until(() => parts.ipam.index.at('web', IP) === undefined);
      await convergence.converge();
      expect(docker.place(id, 'web')?.ip).to.equal(IP);
    });
  });

  it('settles a few containers at a time, and one that is slow does not hold up the others', async () => {
    const parts = await setUp();
    const { docker, find } = parts;
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
      for (let round = 0; round < PARALLEL + 1; round++) await docker.rename(slow, `slow${round}`);
      const others = Array.from({ length: 3 * PARALLEL }, (_, n) => docker.create(`con${n}`));
      for (const id of others) void docker.start(id);
      await docker.start(docker.create('last', { network: 'web', ip: '10.0.0.6' }));
      await until(() => find('last')?.state === 'up');
      expect([most, asked.has(slow)]).to.deep.equal([PARALLEL, true]);
      release();
    });
  });

  it('keeps a network that appears while a pass waits for Open vSwitch', async () => {
    const parts = await setUp();
    const { bridge, convergence, networks } = parts;
    await run(parts, async () => {
      const { open } = bridge.datapath;
      bridge.datapath.open = async () => {
        bridge.datapath.open = open;
        await networks.create('late', { subnet: '10.9.0.0/29' });
        await until(() => bridge.networks.has('late'));
      };
      await convergence.converge();
      expect([...bridge.networks.keys()]).to.include('late');
    });
  });
});
