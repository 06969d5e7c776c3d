import { expect } from 'chai';
import type { AppError } from '../../lib/base/errors.js';
import type { ContainerEvent, Docker } from '../../lib/docker/docker.js';
import { NETWORK_LABEL } from '../../lib/docker/labels.js';

/** A Docker, and the means to use it. Containers are made with network mode `none`. */
export interface DockerWorld {
  docker: Docker;
  /** Returns the full id. @param network value of the label; no label if absent */
  create(name: string, network?: string): Promise<string>;
  start(name: string): Promise<void>;
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
    async function next(events: AsyncIterator<ContainerEvent>, action: string): Promise<string | undefined> {
      for (let step = await events.next(); !step.done; step = await events.next()) {
        if (step.value.action === action) return step.value.id;
      }
      return undefined;
    }
    const subscribe = async () => (await docker.events(abort.signal))[Symbol.asyncIterator]();

    it('finds a container by id, name and the beginning of its id', async () => {
      const id = await world.create('found', 'web');
      expect(id).to.match(/^[0-9a-f]{64}$/);
      for (const reference of [id, 'found', id.slice(0, 12)]) {
        expect(await docker.inspect(reference), reference).to.deep.include({
          id,
          name: 'found',
          hostname: id.slice(0, 12),
          networkMode: 'none',
          labels: { [NETWORK_LABEL]: 'web' },
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

    it('tells a container that runs from one that does not, and each run from any other', async () => {
      const id = await world.create('runs');
      const fresh = await docker.inspect(id);
      expect(fresh).to.include({ running: false, pid: 0, run: '' });
      expect(fresh?.startedAt, 'before its first run').to.be.at.most(0);

      const began = Date.now();
      await world.start('runs');
      const first = await docker.inspect(id);
      expect(first?.running).to.equal(true);
      expect(first?.pid).to.be.greaterThan(0);
      expect(first?.run).to.not.equal('');
      expect(first?.startedAt).to.be.within(began - 1, Date.now() + 1);

      await docker.stop(id);
      expect(await docker.inspect(id)).to.include({
        running: false,
        pid: 0,
        run: '',
        startedAt: first?.startedAt,
      });
      await world.start('runs');
      expect((await docker.inspect(id))?.run).to.not.be.oneOf(['', first?.run]);
    });

    it('stops what runs; what does not, or does not exist, is stopped already', async () => {
      const id = await world.create('stopped');
      await docker.stop(id);
      await world.start('stopped');
      await docker.stop(id);
      await docker.stop(id);
      expect(await docker.inspect(id)).to.include({ running: false });
      await docker.stop('f'.repeat(64));
    });

    it('lists whatever carries a label, running or not', async () => {
      const [stopped, running, plain] = [
        await world.create('list1', 'web'),
        await world.create('list2', ''),
        await world.create('list3'),
      ];
      await world.start('list2');
      const ids = await docker.idsWithLabel(NETWORK_LABEL);
      expect(ids).to.include.members([stopped, running]).and.not.include(plain);
      await world.remove('list2');
      expect(await docker.idsWithLabel(NETWORK_LABEL)).to.not.include(running);
    });

    it('names its own networks', async () => {
      expect(await docker.networkNames()).to.include.members(['bridge', 'host', 'none']);
    });

    it('tells of start, rename, end and removal, in that order', async () => {
      const events = await subscribe();
      const id = await world.create('told');
      await world.start('told');
      await world.rename('told', 'told-again');
      await world.remove('told-again');
      const actions: string[] = [];
      for (let step = await events.next(); !step.done; step = await events.next()) {
        if (step.value.id === id) actions.push(step.value.action);
        if (step.value.action === 'destroy') break;
      }
      expect(actions).to.deep.equal(['start', 'rename', 'die', 'destroy']);
    });

    it('tells each listener, and of nothing that happened before', async () => {
      const [before, during] = [await world.create('early'), await world.create('late')];
      await world.start('early');
      const [first, second] = [await subscribe(), await subscribe()];
      await world.start('late');
      expect([await next(first, 'start'), await next(second, 'start')]).to.deep.equal([during, during]);
      expect(before).to.not.equal(during);
    });

    it('shows a new state no later than it tells of it', async () => {
      const id = await world.create('shown');
      const events = await subscribe();
      await world.start('shown');
      await next(events, 'start');
      expect(await docker.inspect(id)).to.include({ running: true });
      await docker.stop(id);
      await next(events, 'die');
      expect(await docker.inspect(id)).to.include({ running: false });
      await world.remove('shown');
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
      for (const [name, call] of Object.entries({
        ping: () => docker.ping(),
        inspect: () => docker.inspect('found'),
        idsWithLabel: () => docker.idsWithLabel(NETWORK_LABEL),
        stop: () => docker.stop('f'.repeat(64)),
        networkNames: () => docker.networkNames(),
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
