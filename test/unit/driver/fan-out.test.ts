import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { AppError } from '../../../lib/base/errors.js';
import { silentLog, type Log } from '../../../lib/base/log.js';
import type { Network } from '../../../lib/base/model.js';
import { createDockerNetworks } from '../../../lib/driver/docker-networks.js';
import { createFanOut } from '../../../lib/driver/fan-out.js';
import { createMakings } from '../../../lib/driver/makings.js';
import { until } from '../../support/until.js';
import { networksOfDocker } from './networks-of-docker.js';

const network = (id: string, at: number, settings?: Network['settings']): Network => ({
  ...{ id, subnet: `10.${at}.0.0/16`, gateway: `10.${at}.0.1`, vni: at },
  ...(settings && { settings }),
});
const WEB = network('web', 1, { labels: { x: 'y' }, options: { foo: 'bar' }, range: '10.1.1.0/24' });

function setUp(...wanted: Network[]) {
  const docker = networksOfDocker();
  const dockerNetworks = createDockerNetworks(
    join(mkdtempSync(join(tmpdir(), 'fan-out-')), 'file'),
    silentLog,
  );
  const stopping = new AbortController();
  const makings = createMakings();
  /** Problems that were logged. */
  const logged: string[] = [];
  const adopted: unknown[] = [];
  const cluster = { wanted, refuse: undefined as Error | undefined };
  const fanOut = createFanOut({
    ...{ docker: docker.docker, dockerNetworks, makings, wanted: () => cluster.wanted },
    async adopt(name, choice) {
      if (cluster.refuse) throw cluster.refuse;
      adopted.push([name, choice]);
      const made = { id: name, vni: 9, gateway: '10.9.0.1', ...choice } as Network;
      cluster.wanted = [...cluster.wanted, made];
      return made;
    },
    signal: stopping.signal,
    patience: 300,
    log: {
      ...{ debug: () => undefined, info: () => undefined, error: () => undefined },
      warn: (_message: string, fields: { problem: string }) => void logged.push(fields.problem),
    } as unknown as Log,
  });
  const expected = (name: string) =>
    fanOut.expect(name).then(
      (id) => id,
      (error: unknown) => `${(error as AppError).kind}: ${(error as Error).message}`,
    );
  return { ...docker, docker, cluster, fanOut, dockerNetworks, adopted, logged, stopping, expected, makings };
}

describe('fan-out of networks', () => {
  it('makes what is missing with all that its creator chose, once', async () => {
    const { fanOut, calls, byName, dockerNetworks } = setUp(WEB, network('db', 2));
    await fanOut.reconcile();
    await Promise.all([fanOut.reconcile(), fanOut.reconcile()]);
    expect(calls).to.deep.equal(['made web', 'made db']);
    expect(byName('web')[0]).to.deep.include({
      ...{ driver: 'socketplane', ipamDriver: 'socketplane', subnet: '10.1.0.0/16', gateway: undefined },
      ...{ range: '10.1.1.0/24', labels: { x: 'y' }, options: { foo: 'bar' } },
    });
    expect(dockerNetworks.idOf('web')).to.equal(byName('web')[0]?.id);
    expect([...fanOut.problems()]).to.deep.equal([]);
  });

  it('names the gateway to Docker only where its creator did', async () => {
    const { fanOut, byName, calls } = setUp(WEB, network('db', 2, { namesGateway: true }));
    await fanOut.reconcile();
    await fanOut.reconcile();
    expect([byName('web')[0]?.gateway, byName('db')[0]?.gateway]).to.deep.equal([undefined, '10.2.0.1']);
    expect(calls).to.deep.equal(['made web', 'made db']);
  });

  it('tells the driver which network Docker means, while Docker makes it', async () => {
    const { fanOut, docker, makings } = setUp(WEB);
    const seen: unknown[] = [];
    docker.beforeCreate = async () => void seen.push(makings.nameOf(WEB.subnet));
    docker.refuse = new Error('no');
    await fanOut.reconcile();
    seen.push(makings.nameOf(WEB.subnet));
    docker.refuse = undefined;
    await fanOut.reconcile();
    seen.push(makings.nameOf(WEB.subnet));
    const end = fanOut.making(WEB);
    seen.push(makings.nameOf(WEB.subnet));
    end();
    seen.push(makings.nameOf(WEB.subnet));
    expect(seen).to.deep.equal(['web', undefined, 'web', undefined, 'web', undefined]);
  });

  it('removes what is gone, and leaves networks of other drivers', async () => {
    const { fanOut, cluster, add, networks, dockerNetworks } = setUp(WEB);
    add({ name: 'own', driver: 'bridge', ipamDriver: 'default' });
    await fanOut.reconcile();
    cluster.wanted = [];
    await fanOut.reconcile();
    expect([...networks.values()].map(({ name }) => name)).to.deep.equal(['own']);
    expect(dockerNetworks.ids()).to.deep.equal([]);
  });

  for (const [what, now] of [
    ['the subnet', network('web', 7, WEB.settings)],
    ['the labels', { ...WEB, settings: { ...WEB.settings, labels: { x: 'z' } } }],
  ] as const) {
    it(`replaces a network when ${what} changed`, async () => {
      const { fanOut, cluster, calls, byName, dockerNetworks } = setUp(WEB);
      await fanOut.reconcile();
      cluster.wanted = [now];
      await fanOut.reconcile();
      await fanOut.reconcile();
      expect(calls).to.deep.equal(['made web', 'removed web', 'made web']);
      expect(byName('web')[0]).to.deep.include({ subnet: now.subnet, labels: now.settings?.labels });
      expect(dockerNetworks.ids()).to.have.length(1);
    });
  }

  it('does not make a network anew for ever that Docker reports in another way', async () => {
    const { fanOut, docker, calls } = setUp(WEB);
    docker.report = (made) => ({ ...made, labels: { ...made.labels, added: 'by Docker' } });
    for (let times = 0; times < 5; times++) await fanOut.reconcile();
    expect(calls).to.deep.equal(['made web']);
  });

  it('takes into the cluster what was made past the proxy, with all that was chosen', async () => {
    const { fanOut, add, adopted, dockerNetworks, calls } = setUp();
    const id = add({
      name: 'raw',
      subnet: '10.9.0.0/24',
      labels: { a: 'b' },
      options: { k: 'v' },
      internal: true,
    });
    await dockerNetworks.set(id, { subnet: '10.9.0.0/24' });
    await fanOut.reconcile();
    await fanOut.reconcile();
    const settings = { internal: true, labels: { a: 'b' }, options: { k: 'v' } };
    expect(adopted).to.deep.equal([['raw', { subnet: '10.9.0.0/24', gateway: undefined, settings }]]);
    expect(dockerNetworks.idOf('raw')).to.equal(id);
    expect(calls).to.deep.equal(['made raw']);
  });

  it('reports one that the cluster cannot take in, once, and until it is gone', async () => {
    const { fanOut, add, cluster, networks, logged } = setUp(WEB);
    const id = add({ name: 'raw', subnet: '10.1.0.0/24' });
    cluster.refuse = new AppError('conflict', 'subnet 10.1.0.0/24 overlaps network web\nand more');
    await fanOut.reconcile();
    await fanOut.reconcile();
    expect([...fanOut.problems()]).to.deep.equal([['raw', 'subnet 10.1.0.0/24 overlaps network web']]);
    expect(logged).to.have.length(1);
    networks.delete(id);
    await fanOut.reconcile();
    expect([...fanOut.problems()]).to.deep.equal([]);
  });

  it("never disturbs Docker's own network of a name that the cluster has, and reports it", async () => {
    const { fanOut, add, networks, calls, expected, logged } = setUp(WEB);
    const id = add({ name: 'web', driver: 'bridge', ipamDriver: 'default' });
    for (let times = 0; times < 3; times++) await fanOut.reconcile();
    expect(calls).to.deep.equal(['made web']);
    expect([fanOut.isForeign('web'), fanOut.isForeign('other')]).to.deep.equal([true, false]);
    expect(await expected('web')).to.match(
      /^unavailable: network web is not in Docker on this host: .* of its own \(driver bridge\)/,
    );
    expect(logged).to.have.length(1);
    networks.delete(id);
    expect(await expected('web')).to.match(/^id-web/);
    expect([fanOut.isForeign('web'), fanOut.problems().size]).to.deep.equal([false, 0]);
  });

  it("keeps ours beside Docker's own of the same name, whichever comes first", async () => {
    const { fanOut, add, networks, calls, logged } = setUp(WEB);
    await fanOut.reconcile();
    add({ name: 'web', driver: 'bridge', ipamDriver: 'default' });
    for (let times = 0; times < 3; times++) await fanOut.reconcile();
    const [first, second] = [...networks];
    networks.clear();
    networks.set(...second!).set(...first!);
    await fanOut.reconcile();
    expect(calls).to.deep.equal(['made web', 'made web']);
    expect([fanOut.problems().size, logged.length]).to.deep.equal([1, 1]);
  });

  it('tries a removal again that Docker refused, and makes the successor only then', async () => {
    const { fanOut, cluster, busy, calls, byName } = setUp(WEB);
    await fanOut.reconcile();
    busy.add(byName('web')[0]!.id);
    cluster.wanted = [network('web', 7)];
    await fanOut.reconcile();
    expect(fanOut.problems().get('web')).to.match(/has active endpoints/);
    expect(byName('web')).to.have.length(1);
    busy.clear();
    await fanOut.reconcile();
    expect([byName('web')[0]?.subnet, fanOut.problems().size]).to.deep.equal(['10.7.0.0/16', 0]);
    expect(calls).to.deep.equal(['made web', 'removed web', 'made web']);
  });

  it('tries again by itself what Docker refused', async () => {
    const { fanOut, cluster, busy, calls, byName } = setUp(WEB);
    await fanOut.reconcile();
    busy.add(byName('web')[0]!.id);
    cluster.wanted = [];
    await fanOut.reconcile();
    busy.clear();
    await until('the removal', async () => calls.at(-1) === 'removed web' && fanOut.problems().size === 0);
  });

  it('forgets networks that Docker lost while nobody looked, but none that is being made', async () => {
    const { fanOut, networks, dockerNetworks, docker } = setUp(WEB);
    await fanOut.reconcile();
    networks.clear();
    const { networks: list } = docker.docker;
    docker.docker.networks = async () => {
      const there = await list();
      await dockerNetworks.set('new', { name: 'new', subnet: '10.5.0.0/16' });
      return there;
    };
    await dockerNetworks.set('held', { name: 'held', subnet: '10.6.0.0/16' });
    const letGo = fanOut.hold('held');
    await fanOut.reconcile();
    expect(dockerNetworks.ids().map((id) => id.replace(/-\d+$/, ''))).to.deep.equal([
      'held',
      'new',
      'id-web',
    ]);
    letGo();
  });

  it('does nothing once it is stopped: another store may say otherwise', async () => {
    const { fanOut, calls, stopping, docker } = setUp(WEB, network('db', 2));
    docker.beforeCreate = async () => stopping.abort();
    await fanOut.reconcile();
    await fanOut.reconcile();
    fanOut.hold('web')();
    expect(calls).to.deep.equal(['made web']);
  });

  describe('names that are held', () => {
    it('are left alone until everybody has let go', async () => {
      const { fanOut, calls } = setUp(WEB);
      const [first, second] = [fanOut.hold('web'), fanOut.hold('web')];
      await fanOut.reconcile();
      first();
      first();
      await fanOut.reconcile();
      expect(calls).to.deep.equal([]);
      second();
      await fanOut.reconcile();
      expect(calls).to.deep.equal(['made web']);
    });

    it('are left alone by what was planned before', async () => {
      const { fanOut, calls, docker } = setUp(network('db', 2), WEB);
      docker.beforeCreate = async () => void fanOut.hold('web');
      await fanOut.reconcile();
      expect(calls).to.deep.equal(['made db']);
    });

    it('keep the problems that they had', async () => {
      const { fanOut, add } = setUp(WEB);
      add({ name: 'web', driver: 'bridge' });
      await fanOut.reconcile();
      const letGo = fanOut.hold('web');
      await fanOut.reconcile();
      expect([fanOut.problems().size, fanOut.isForeign('web')]).to.deep.equal([1, true]);
      letGo();
    });
  });

  describe('expecting a network', () => {
    it('has it made when it is not there, and gets its id', async () => {
      const { expected, byName } = setUp(WEB);
      expect(await expected('web')).to.equal(byName('web')[0]?.id);
    });

    it('waits for news of it', async () => {
      const { expected, cluster, fanOut } = setUp();
      const waiting = expected('web');
      await new Promise((resolve) => setTimeout(resolve, 50));
      cluster.wanted = [WEB];
      await fanOut.reconcile();
      expect(await waiting).to.match(/^id-web/);
    });

    it('ends after a while', async () => {
      const { expected } = setUp();
      expect(await expected('web')).to.equal(
        'unavailable: network web is not in Docker on this host yet: try again',
      );
    });

    it('says why Docker refuses it, and tries again each time', async () => {
      const { expected, docker } = setUp(WEB);
      docker.refuse = new Error('Docker could not create network web: Pool overlaps\nstack');
      const says =
        'unavailable: network web is not in Docker on this host: Docker could not create network web: Pool overlaps';
      expect(await expected('web')).to.equal(says);
      docker.refuse = undefined;
      expect(await expected('web')).to.match(/^id-web/);
    });

    it('says at once that Docker does not answer', async () => {
      const { expected, docker, fanOut } = setUp(WEB);
      docker.down = new AppError('unavailable', 'Docker does not answer');
      expect(await expected('web')).to.equal('unavailable: Docker does not answer');
      expect(await fanOut.reconcile().catch((error: unknown) => (error as Error).message)).to.equal(
        'Docker does not answer',
      );
      docker.down = undefined;
      expect(await expected('web')).to.match(/^id-web/);
    });
  });

  it('gets along with a client that makes the same network at the same time', async () => {
    const { fanOut, docker, cluster, byName, calls } = setUp();
    const letGo = fanOut.hold('web');
    cluster.wanted = [WEB];
    const looks = [fanOut.reconcile(), fanOut.reconcile()];
    docker.add({
      name: 'web',
      subnet: WEB.subnet,
      gateway: WEB.gateway,
      range: '10.1.1.0/24',
      labels: { x: 'y' },
      options: { foo: 'bar' },
    });
    letGo();
    await Promise.all([...looks, fanOut.reconcile()]);
    expect([byName('web').length, calls]).to.deep.equal([1, ['made web']]);
    expect(await fanOut.expect('web')).to.equal(byName('web')[0]?.id);
  });
});
