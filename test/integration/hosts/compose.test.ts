import { mkdir, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Node } from '../../lab/node.js';
import { PROXY_SOCKET } from '../../lab/node.js';
import { PATIENCE_MS, STORY_MS, useCluster } from './suite.js';
import { until } from '../../support/until.js';

const FOLDER = '/run/shop';

/** A service that answers with its name on port 80. */
const serving = (more: object) => ({
  image: 'busybox',
  command: ['sh', '-c', 'mkdir /www; echo $$NAME >/www/index.html; exec httpd -f -h /www'],
  stop_signal: 'SIGKILL',
  ...more,
});
const on = (...networks: string[]) => Object.fromEntries(networks.map((name) => [name, {}]));

/** What others write for Docker's bridge, with the driver as the only change. */
const SERVICES = {
  // The first of several that has an address of its own, which others depend on.
  db: serving({
    environment: { NAME: 'db' },
    networks: { back: { ipv4_address: '10.71.0.2', aliases: ['store', 'db.example.org'] } },
    expose: [5432],
    healthcheck: { test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1/'], interval: '1s', retries: 60 },
    restart: 'always',
  }),
  queue: serving({ environment: { NAME: 'queue' }, networks: on('back'), depends_on: ['db'] }),
  app: serving({
    environment: { NAME: 'app' },
    networks: on('back', 'front'),
    depends_on: { db: { condition: 'service_healthy' } },
    hostname: 'app-host',
    extra_hosts: ['elsewhere:192.0.2.7'],
  }),
  // A name server for others: on all addresses of the host.
  names: serving({
    environment: { NAME: 'names' },
    container_name: 'pi',
    networks: on('front'),
    ports: ['53:53/udp', '53:53/tcp', '8053:80'],
  }),
  proxy: serving({
    environment: { NAME: 'proxy' },
    networks: on('front', 'shared'),
    ports: ['8080:80'],
    depends_on: ['app'],
  }),
  side: { image: 'busybox', command: 'sleep 1d', stop_signal: 'SIGKILL', network_mode: 'service:proxy' },
};
type Service = keyof typeof SERVICES;
const NETWORKS = {
  back: { driver: 'socketplane', ipam: { config: [{ subnet: '10.71.0.0/24' }] } },
  front: { driver: 'socketplane' },
  shared: { external: true, name: 'outer' },
};

/** With what each of them reaches by name, itself included. */
const REACHED: Partial<Record<Service, Service[]>> = {
  db: ['app', 'db', 'queue'],
  queue: ['app', 'db', 'queue'],
  app: ['app', 'db', 'names', 'proxy', 'queue'],
  names: ['app', 'names', 'proxy'],
  proxy: ['app', 'names', 'proxy'],
  side: ['app', 'names', 'proxy'],
};
const ALL = Object.keys(SERVICES) as Service[];
const HALVES: [Service[], Service[]] = [
  ['db', 'queue', 'names'],
  ['app', 'proxy', 'side'],
];

describe('a project of Compose with driver socketplane', function () {
  this.timeout(STORY_MS);
  const { nodes } = useCluster(2);
  let argv: string[];

  before(async function () {
    this.timeout(STORY_MS);
    const [first] = nodes();
    const { exitCode } = await first!.run(['docker', 'compose', 'version'], { reject: false });
    argv = exitCode === 0 ? ['docker', 'compose'] : ['docker-compose'];
    for (const node of nodes()) {
      await mkdir(node.file(FOLDER));
      await writeFile(
        node.file(`${FOLDER}/docker-compose.yml`),
        JSON.stringify({ services: SERVICES, networks: NETWORKS }),
      );
    }
    await first!.sp(['network', 'create', '-d', 'socketplane', 'outer']);
    for (const node of nodes()) {
      const there = () => node.sp(['network', 'inspect', 'outer'], { reject: false });
      await until('the network', async () => (await there()).exitCode === 0, PATIENCE_MS);
    }
  });

  function compose(node: Node, ...args: string[]) {
    const file = ['--ansi', 'never', '-f', `${FOLDER}/docker-compose.yml`];
    return node.run([...argv, ...file, ...args], { reject: false, env: { DOCKER_HOST: PROXY_SOCKET } });
  }

  async function done(node: Node, ...args: string[]): Promise<string> {
    const { exitCode, stderr, stdout } = await compose(node, ...args);
    expect(exitCode, `compose ${args.join(' ')}: ${stderr}`).to.equal(0);
    return stdout;
  }

  const idOf = (node: Node, service: Service) => done(node, 'ps', '-q', service);

  /** The services that answer one of them by their names; those that have to are given the time that they need to start. */
  async function reached(node: Node, from: Service): Promise<string[]> {
    const id = await idOf(node, from);
    const found: string[] = [];
    for (const to of ALL.filter((name) => name !== 'side')) {
      let said = '';
      const answers = async () => {
        const argv = ['exec', id, 'timeout', '20', 'wget', '-q', '-O', '-', `http://${to}/`];
        const { stdout, stderr } = await node.sp(argv, { reject: false });
        said = stdout || stderr;
        return stdout === to;
      };
      const mustAnswer = REACHED[from]?.includes(to);
      if (mustAnswer) await until(() => `${to} to answer ${from}, which says: ${said}`, answers);
      if (mustAnswer || (await answers())) found.push(to);
    }
    return found.sort();
  }

  async function expectReach(places: Map<Service, Node>): Promise<void> {
    const found: typeof REACHED = {};
    for (const [from, node] of places) found[from] = (await reached(node, from)) as Service[];
    expect(found).to.deep.equal(REACHED);
  }

  it('runs on one host, and leaves nothing', async () => {
    const [first] = nodes();
    await done(first!, 'up', '-d');
    await expectReach(new Map(ALL.map((service) => [service, first!])));
    const { stdout } = await nodes()[1]!.run([
      'busybox',
      'wget',
      '-q',
      '-O',
      '-',
      `http://${first!.address}:8080/`,
    ]);
    expect(stdout).to.equal('proxy');
    await done(first!, 'down');
    const { stdout: left } = await first!.sp(['network', 'ls', '--filter', 'name=shop', '-q']);
    expect(left).to.equal('');
  });

  describe('half of it on each of two hosts', () => {
    const places = () =>
      new Map(HALVES.flatMap((half, index) => half.map((service) => [service, nodes()[index]!] as const)));

    it('starts there with the same file, and reaches by name what it reaches on one', async () => {
      for (const [index, half] of HALVES.entries())
        await done(nodes()[index]!, 'up', '-d', '--no-deps', ...half);
      await expectReach(places());
    });

    it('is known by all of its names on the other host', async () => {
      const [first, second] = nodes();
      const [app, db] = [await idOf(second!, 'app'), await idOf(first!, 'db')];
      const resolved = async (node: Node, from: string, ...names: string[]) => {
        const script = 'for name; do ping -c 1 -W 20 $name 2>&1 | head -n 1; done';
        return (await node.sp(['exec', from, 'sh', '-c', script, 'sh', ...names])).stdout
          .split('\n')
          .map(addressIn);
      };
      const store = ['db', 'store', 'db.example.org', 'store.shop_back'];
      expect(await resolved(second!, app, ...store)).to.deep.equal(store.map(() => '10.71.0.2'));
      const [pi, names, host] = [
        ...(await resolved(second!, app, 'pi', 'names')),
        ...(await resolved(first!, db, 'app-host')),
      ];
      expect([pi, host]).to.not.include('');
      expect(pi).to.equal(names);
    });

    it('is up to date when it is started again', async () => {
      const ids = () => Promise.all([...places()].map(([service, node]) => idOf(node, service)));
      const before = await ids();
      for (const [index, half] of HALVES.entries())
        await done(nodes()[index]!, 'up', '-d', '--no-deps', ...half);
      expect(await ids()).to.deep.equal(before);
    });

    it('ends on one host, which says what the other still has, and then on all', async () => {
      const [first, second] = nodes();
      const { stdout, stderr } = await compose(first!, 'down');
      expect(stdout + stderr).to.match(/network shop_\w+ has active endpoints: .* on h2/);
      await done(second!, 'down');
      for (const node of nodes()) {
        const ls = () => node.sp(['network', 'ls', '--filter', 'name=shop', '-q']);
        await until('its networks to be gone', async () => (await ls()).stdout === '', PATIENCE_MS);
      }
    });
  });
});

const addressIn = (line: string) => /\(([\d.]+)\)/.exec(line)?.[1] ?? '';
