import { expect } from 'chai';
import type { AppError } from '../../lib/base/errors.js';
import type { Attached, Docker, DockerEvent } from '../../lib/docker/docker.js';

/** A Docker, and the means to use it. */
export interface DockerWorld {
  docker: Docker;
  /** Returns the full id. @param network name of the network that it is made with, by default `none` */
  create(name: string, network?: string): Promise<string>;
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  /** Removes a container, running or not. */
  remove(name: string): Promise<void>;
  /** Ends Docker, or brings it back; containers need not survive. */
  setDown(down: boolean): Promise<void>;
  close(): Promise<void>;
}

const kindOf = (work: Promise<unknown>) =>
  work.then(
    () => 'success',
    (error: unknown) => (error as AppError).kind,
  );

const ID = /^[0-9a-f]{64}$/;

/** A body that makes a network of Docker's own bridge driver, which every Docker has. */
const bridge = (name: string, subnet: string) => ({
  ...{ Name: name, Driver: 'bridge', CheckDuplicate: true, Internal: true },
  ...{ Labels: { colour: 'red' }, Options: { 'com.docker.network.bridge.name': `br-${name}` } },
  IPAM: { Driver: 'default', Config: [{ Subnet: subnet, Gateway: subnet.replace(/0\/24$/, '1') }] },
});

/** What every Docker does, as far as the agent depends on it. */
export function describeDocker(kind: string, open: () => Promise<DockerWorld>): void {
  describe(`${kind} as the agent uses it`, function () {
    this.timeout(120_000);
    let world: DockerWorld;
    let docker: Docker;
    let abort: AbortController;
    before(async () => {
      world = await open();
      docker = world.docker;
    });
    after(() => world?.close());
    beforeEach(() => (abort = new AbortController()));
    afterEach(() => abort.abort());

    /** The next event that has this action; events before it are dropped. */
    async function next(
      events: AsyncIterator<DockerEvent>,
      action: string,
    ): Promise<DockerEvent | undefined> {
      for (let step = await events.next(); !step.done; step = await events.next()) {
        if (step.value.action === action) return step.value;
      }
      return undefined;
    }
    const subscribe = async () => (await docker.events(abort.signal))[Symbol.asyncIterator]();
    const network = async (name: string) => (await docker.networks()).find((one) => one.name === name);
    const place = async (id: string, name: string): Promise<Attached | undefined> =>
      (await docker.inspect(id))?.attached.find((one) => one.network === name);

    it('finds a container by id, name and the beginning of its id', async () => {
      const id = await world.create('found');
      expect(id).to.match(ID);
      for (const reference of [id, 'found', id.slice(0, 12)]) {
        expect(await docker.inspect(reference), reference).to.deep.include({
          ...{ id, name: 'found', hostname: id.slice(0, 12), labels: {} },
        });
      }
    });

    it('takes a name before the beginning of an id', async () => {
      const id = await world.create('shadowed');
      const other = await world.create(id.slice(0, 12));
      expect((await docker.inspect(id.slice(0, 12)))?.id).to.equal(other);
    });

    it('finds nothing by what names nothing', async () => {
      await world.create('there');
      for (const reference of [
        'not-there',
        '',
        '.',
        '..',
        '/',
        '/there',
        'there/..',
        'a b',
        '%',
        'f'.repeat(64),
      ]) {
        expect(await docker.inspect(reference), `"${reference}"`).to.equal(undefined);
      }
    });

    it('tells a container that runs from one that does not', async () => {
      const id = await world.create('runs');
      expect(await docker.inspect(id)).to.include({ running: false, pid: 0 });
      await world.start('runs');
      const running = await docker.inspect(id);
      expect(running?.running).to.equal(true);
      expect(running?.pid).to.be.greaterThan(0);
      await world.stop('runs');
      expect(await docker.inspect(id)).to.include({ running: false, pid: 0 });
    });

    it('makes networks, shows them as they were made, and removes them', async () => {
      const events = await subscribe();
      const id = await docker.createNetwork(bridge('shown', '10.77.1.0/24'));
      expect(id).to.match(ID);
      expect(await next(events, 'create')).to.deep.equal({
        ...{ type: 'network', action: 'create', id, name: 'shown' },
      });
      expect(await network('shown')).to.deep.equal({
        ...{ id, name: 'shown', driver: 'bridge', ipamDriver: 'default', aux: {}, internal: true },
        ...{ subnet: '10.77.1.0/24', gateway: '10.77.1.1', labels: { colour: 'red' } },
        options: { 'com.docker.network.bridge.name': 'br-shown' },
      });
      expect(await kindOf(docker.createNetwork(bridge('shown', '10.77.2.0/24')))).to.equal('conflict');
      await docker.removeNetwork(id);
      expect((await next(events, 'destroy'))?.id).to.equal(id);
      expect(await network('shown')).to.equal(undefined);
      await docker.removeNetwork(id);
      const again = await docker.createNetwork(bridge('shown', '10.77.1.0/24'));
      expect(again, 'made again').to.not.equal(id);
      await docker.removeNetwork(again);
    });

    it('has networks of its own', async () => {
      const names = (await docker.networks()).map(({ name }) => name);
      expect(names).to.include.members(['bridge', 'host', 'none']);
    });

    it('gives a container its place at the start, another endpoint each time, and takes it back', async () => {
      const id = await docker.createNetwork(bridge('place', '10.77.3.0/24'));
      const container = await world.create('placed', 'place');
      expect(await place(container, 'place')).to.deep.include({ endpoint: '', ip: '', mac: '' });
      const endpoints = new Set<string>();
      for (let turn = 0; turn < 2; turn++) {
        await world.start('placed');
        const now = await place(container, 'place');
        expect(now).to.deep.include({ network: 'place', networkId: id, options: {} });
        expect(now?.ip).to.match(/^10\.77\.3\.\d+$/);
        expect(now?.mac).to.match(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
        expect(now?.endpoint).to.match(ID);
        endpoints.add(now?.endpoint ?? '');
        const listed = (await docker.containers()).find((one) => one.id === container);
        const { endpoint, ip, networkId } = now!;
        expect(listed?.attached[0], 'as listed').to.include({ endpoint, ip, networkId });
        await world.stop('placed');
        expect(await place(container, 'place')).to.include({ endpoint: '', ip: '', mac: '', networkId: id });
      }
      expect(endpoints.size).to.equal(2);
      await world.remove('placed');
      await docker.removeNetwork(id);
    });

    it('keeps a network that containers run on', async () => {
      const id = await docker.createNetwork(bridge('used', '10.77.4.0/24'));
      await world.create('user', 'used');
      await world.start('user');
      expect(await kindOf(docker.removeNetwork(id))).to.equal('conflict');
      await world.remove('user');
      await docker.removeNetwork(id);
    });

    it('connects a running container with the settings, keeps them over a restart, and disconnects it', async () => {
      const id = await docker.createNetwork(bridge('more', '10.77.5.0/24'));
      const container = await world.create('joins');
      await world.start('joins');
      // Nothing else may be connected to this network.
      await docker.disconnect('none', container);
      const events = await subscribe();
      await docker.connect('more', container, {
        ...{ Aliases: ['db'], DriverOpts: { taste: 'sweet' } },
        IPAMConfig: { IPv4Address: '10.77.5.9' },
      });
      const connected = { type: 'network', action: 'connect', id, name: 'more', container };
      expect(await next(events, 'connect')).to.deep.equal(connected);
      const there = { ip: '10.77.5.9', requested: '10.77.5.9', options: { taste: 'sweet' } };
      expect(await place(container, 'more')).to.deep.include(there);
      expect((await place(container, 'more'))?.aliases).to.include('db');
      expect(await kindOf(docker.connect('more', container, {})), 'again').to.not.equal('success');
      await world.stop('joins');
      const { ip: _ip, ...kept } = there;
      expect(await place(container, 'more'), 'stopped').to.deep.include({ ...kept, ip: '', endpoint: '' });
      await world.start('joins');
      expect(await place(container, 'more'), 'started again').to.deep.include(there);
      await docker.disconnect(id, container);
      expect(await next(events, 'disconnect')).to.deep.equal({ ...connected, action: 'disconnect' });
      expect(await place(container, 'more')).to.equal(undefined);
      await docker.removeNetwork(id);
      expect(await kindOf(docker.connect('more', container, {})), 'no network').to.equal('notFound');
    });

    it('lists containers, running or not, and no longer when they are gone', async () => {
      const [stopped, running] = [await world.create('list1'), await world.create('list2')];
      await world.start('list2');
      const ids = async () => (await docker.containers()).map(({ id }) => id);
      expect(await ids()).to.include.members([stopped, running]);
      const listed = (await docker.containers()).find(({ id }) => id === running);
      expect(listed).to.deep.include({ id: running, name: 'list2', labels: {} });
      await world.remove('list2');
      expect(await ids())
        .to.include(stopped)
        .and.not.include(running);
    });

    it('tells of creation, start, rename, end and removal, in that order', async () => {
      const events = await subscribe();
      const id = await world.create('told');
      await world.start('told');
      await world.rename('told', 'told-again');
      await world.remove('told-again');
      const actions: string[] = [];
      for (let step = await events.next(); !step.done; step = await events.next()) {
        const { type, action, id: about } = step.value;
        if (type === 'container' && about === id) actions.push(action);
        if (action === 'destroy') break;
      }
      expect(actions).to.deep.equal(['create', 'start', 'rename', 'die', 'destroy']);
    });

    it('tells each listener, and of nothing that happened before', async () => {
      const [before, during] = [await world.create('early'), await world.create('late')];
      await world.start('early');
      const [first, second] = [await subscribe(), await subscribe()];
      await world.start('late');
      const told = [await next(first, 'start'), await next(second, 'start')].map((event) => event?.id);
      expect(told).to.deep.equal([during, during]);
      expect(before).to.not.equal(during);
    });

    it('shows a new state no later than it tells of it', async () => {
      const id = await world.create('state');
      const events = await subscribe();
      await world.start('state');
      await next(events, 'start');
      expect(await docker.inspect(id)).to.include({ running: true });
      await world.stop('state');
      await next(events, 'die');
      expect(await docker.inspect(id)).to.include({ running: false });
      await world.remove('state');
      await next(events, 'destroy');
      expect(await docker.inspect(id)).to.equal(undefined);
    });

    it('ends the events when it is told to', async () => {
      const events = await subscribe();
      const ended = next(events, 'start');
      abort.abort();
      expect(await ended).to.equal(undefined);
    });

    it('ends the events when it goes away, and is unavailable until it is back', async () => {
      const ended = next(await subscribe(), 'start');
      await docker.ping();
      await world.setDown(true);
      expect(await ended).to.equal(undefined);
      const none = 'f'.repeat(64);
      for (const [name, call] of Object.entries({
        ping: () => docker.ping(),
        inspect: () => docker.inspect('found'),
        containers: () => docker.containers(),
        networks: () => docker.networks(),
        createNetwork: () => docker.createNetwork(bridge('never', '10.77.9.0/24')),
        removeNetwork: () => docker.removeNetwork(none),
        connect: () => docker.connect('bridge', none, {}),
        disconnect: () => docker.disconnect('bridge', none),
        events: () => docker.events(abort.signal),
      })) {
        expect(await kindOf(call()), name).to.equal('unavailable');
      }
      await world.setDown(false);
      await docker.ping();
      expect(await docker.inspect('found')).to.include({ name: 'found' });
    });
  });
}
