import { cases, type Environment } from '../case.js';
import type { Inspection, Kit } from '../kit.js';

/** The two Composes: of Python, and the plugin of newer clients. */
const VERSIONS = {
  'compose 1': {
    argv: ['docker-compose', '--ansi', 'never'],
    is: ({ composeV1 }: Environment) => composeV1,
    joint: '_',
  },
  'compose 2': {
    argv: ['docker', 'compose', '--ansi', 'never'],
    is: ({ composeV2 }: Environment) => composeV2,
    joint: '-',
  },
} as const;

type Version = keyof typeof VERSIONS;

const SERVICE = { image: 'busybox', command: 'sleep 1000', stop_signal: 'SIGKILL' };

/** A network of the project's own, and the one under test. */
const networks = (kit: Kit, more: object = {}) => ({
  default: { driver: kit.kind.driver, ipam: { config: [{ subnet: kit.subnet() }] } },
  shared: { external: true, name: kit.network },
  ...more,
});

function project(kit: Kit, version: Version) {
  const { argv, joint } = VERSIONS[version];
  const name = kit.name('app');
  const env = { DOCKER_HOST: kit.dockerHost };

  return {
    name,
    /** Name of a service's container. */
    of: (service: string, number = 1) => [name, service, number].join(joint),
    async write(services: object, more?: object): Promise<void> {
      const content = { version: '3.5', services, networks: networks(kit, more) };
      await kit.file('compose.yml', JSON.stringify(content));
    },
    async any(...args: string[]) {
      const file = await kit.file('unused', '');
      const path = file.replace(/unused$/, 'compose.yml');
      const { code, out, err } = await kit.host([...argv, '-p', name, '-f', path, ...args], { env });
      // What goes on at the same time is told in any order, and some of it twice.
      const said = err.split('\n').map((line) => line.replace(/\d+\.\d+s/, '<while>').trim());
      return { code, out, err: [...new Set(said)].filter(Boolean).sort() };
    },
    async run(...args: string[]) {
      const outcome = await this.any(...args);
      if (outcome.code !== 0) throw new Error(`compose ${args.join(' ')}: ${outcome.err.join('\n')}`);
      return outcome;
    },
  };
}

type Project = ReturnType<typeof project>;

const networksOf = async (kit: Kit, container: string) => {
  const { Networks } = (await kit.inspect(container)).NetworkSettings;
  return Object.fromEntries(
    Object.entries(Networks).map(([name, endpoint]) => [name, withoutOrder(endpoint)]),
  );
};

/** Compose gives aliases in any order. */
const withoutOrder = (endpoint: Inspection['NetworkSettings']['Networks'][string]) => ({
  ...endpoint,
  Aliases: [...(endpoint.Aliases ?? [])].map((alias) => alias.replace(/^[0-9a-f]{12}$/, '<short id>')).sort(),
  DNSNames: undefined,
});

const table: Record<string, (kit: Kit, app: Project) => Promise<unknown>> = {
  'up, up again, down': async (kit, app) => {
    await app.write({ web: { ...SERVICE, depends_on: ['db'] }, db: SERVICE });
    const up = await app.run('up', '-d');
    const before = await kit.inspect(app.of('web'));
    const again = await app.run('up', '-d');
    const after = await kit.inspect(app.of('web'));
    const names = [await kit.resolve(app.of('web'), 'db'), await kit.resolve(app.of('db'), 'web')];
    const down = await app.run('down');
    const left = await kit.lines('network', 'ls', '-q', '--filter', `name=${app.name}`);
    const network = networkFields(before);
    return {
      up,
      again: [again.code, before.Id === after.Id],
      names,
      down,
      left: [...left, ...(await kit.leftovers())],
      network,
    };
  },

  'up with more of a service, and with less': async (kit, app) => {
    await app.write({ web: SERVICE });
    await app.run('up', '-d', '--scale', 'web=3');
    const { out } = await kit.inside(app.of('web', 2), 'nslookup -type=a web | grep -c ^Address:');
    const many = await kit.leftovers();
    await app.run('up', '-d', '--scale', 'web=1');
    const one = await kit.leftovers();
    // Besides the address of the name server.
    return { answers: Number(out) - 1, many, one };
  },

  'aliases, a fixed address and an external network': async (kit, app) => {
    const shared = { aliases: [kit.name('db'), kit.name('store')], ipv4_address: kit.ip(7) };
    await app.write({ web: { ...SERVICE, networks: { default: { ipv4_address: kit.own(20) }, shared } } });
    const up = await app.run('up', '-d');
    const networks = await networksOf(kit, app.of('web'));
    const names = [
      await kit.resolve(kit.peer, kit.name('store')),
      await kit.resolve(kit.peer, app.of('web')),
    ];
    const reached = await kit.reaches(kit.peer, kit.ip(7));
    const down = await app.run('down');
    return { up, networks, names, reached, down };
  },

  'ports, and a change that makes a new container': async (kit, app) => {
    const web = {
      ...SERVICE,
      ports: [`${kit.port(0)}:80`],
      networks: { shared: { ipv4_address: kit.ip(8) } },
    };
    await app.write({ web });
    await app.run('up', '-d');
    const { Id } = await kit.inspect(app.of('web'));
    await app.write({ web: { ...web, environment: { CHANGED: 'yes' } } });
    const again = await app.run('up', '-d');
    const after = await kit.inspect(app.of('web'));
    await kit.serve(app.of('web'));
    const reached = await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`);
    await app.run('restart');
    const restarted = await kit.address(app.of('web'));
    return { isNew: after.Id !== Id, again, ports: after.NetworkSettings.Ports, reached, restarted };
  },

  'an address that is taken, and a network that there is not': async (kit, app) => {
    await kit.sleeper('box', '--ip', kit.ip(9));
    await app.write({ web: { ...SERVICE, networks: { shared: { ipv4_address: kit.ip(9) } } } });
    const taken = await app.any('up', '-d');
    await kit.docker('rm', '-f', app.of('web'));
    const gone = { external: true, name: kit.name('gone') };
    await app.write({ web: { ...SERVICE, networks: ['gone'] } }, { gone });
    return { taken, gone: await app.any('up', '-d') };
  },

  'a service on the network of another, and stop and start': async (kit, app) => {
    await app.write({
      web: { ...SERVICE, networks: { shared: { ipv4_address: kit.ip(5) } } },
      side: { ...SERVICE, network_mode: 'service:web', depends_on: ['web'] },
    });
    await app.run('up', '-d');
    const inside = await kit.inside(app.of('side'), 'ip -4 -o address show dev eth0');
    await app.run('stop');
    const stopped = await networksOf(kit, app.of('web'));
    await app.run('start');
    const again = await kit.inside(app.of('side'), 'ip -4 -o address show dev eth0');
    return { inside, stopped, again };
  },
};

function networkFields({ NetworkSettings, HostConfig }: Inspection) {
  const [endpoint] = Object.values(NetworkSettings.Networks);
  return {
    mode: HostConfig['NetworkMode'],
    count: Object.keys(NetworkSettings.Networks).length,
    ip: endpoint?.IPAddress,
  };
}

/** Projects of Compose, by each Compose that the machine has. */
export const COMPOSE = (Object.keys(VERSIONS) as Version[]).flatMap((version) =>
  cases(
    {
      tags: ['compose'],
      client: version,
      unless: (environment) => !VERSIONS[version].is(environment) && `no ${version} on this machine`,
    },
    Object.fromEntries(
      Object.entries(table).map(([name, run]) => [name, (kit: Kit) => run(kit, project(kit, version))]),
    ),
  ),
);
