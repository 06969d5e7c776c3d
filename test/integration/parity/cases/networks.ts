import { cases } from '../case.js';
import type { Kit } from '../kit.js';

const networksOf = async (kit: Kit, container: string) =>
  (await kit.inspect(container)).NetworkSettings.Networks;

/** Addresses and routes that a container has. */
const shown = async (kit: Kit, container: string) =>
  (await kit.inside(container, "ip -4 -o address | cut -d' ' -f2-7; ip route")).out;

/** The same, when Docker may have made the devices in any order. */
const shownInAnyOrder = async (kit: Kit, container: string) =>
  (await shown(kit, container))
    .replace(/\beth\d\b/g, 'eth<n>')
    .split('\n')
    .sort();

async function network(kit: Kit, name: string) {
  const { status, json } = await kit.api('GET', `/networks/${name}`);
  return { status, network: json };
}

/** A network of this case's, and one that would not be made: what Docker said, and what is left. */
async function refused(kit: Kit, ...options: string[]) {
  const outcome = await kit.any('network', 'create', '-d', kit.kind.driver, ...options, kit.name('refused'));
  return {
    outcome,
    left: await kit.lines('network', 'ls', '--filter', `name=${kit.name('')}`, '--format', '{{.Name}}'),
  };
}

/** `docker network connect` and `disconnect`. */
export const CONNECT = cases(
  { tags: ['network'] },
  {
    'connect a running container': async (kit) => {
      const second = await kit.ownNetwork('second');
      const box = await kit.sleeper('box', '--network', second);
      const next = kit.peer;
      const outcome = await kit.docker('network', 'connect', kit.network, box);
      return {
        outcome,
        networks: await networksOf(kit, box),
        shown: await shown(kit, box),
        reached: await kit.reaches(next, box),
        name: await kit.resolve(next, box),
      };
    },

    'connect a container of the default bridge': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      await kit.docker('network', 'connect', kit.network, box);
      const both = await shown(kit, box);
      await kit.docker('network', 'disconnect', 'bridge', box);
      return { both, networks: await networksOf(kit, box), one: await shown(kit, box) };
    },

    'connect a container that is only created, then start': async (kit) => {
      const box = kit.name('box');
      await kit.docker(
        'create',
        '--name',
        box,
        '--network',
        'bridge',
        '--stop-signal',
        'KILL',
        'busybox',
        'sleep',
        '99',
      );
      await kit.docker('network', 'connect', '--ip', kit.ip(1), kit.network, box);
      const created = await networksOf(kit, box);
      await kit.docker('start', box);
      return { created, started: await networksOf(kit, box), shown: await shownInAnyOrder(kit, box) };
    },

    'connect a stopped container, then start': async (kit) => {
      const second = await kit.ownNetwork('second');
      const box = await kit.sleeper('box', '--network', second);
      await kit.docker('kill', box);
      await kit.docker('network', 'connect', kit.network, box);
      const stopped = await networksOf(kit, box);
      await kit.docker('start', box);
      return { stopped, networks: await networksOf(kit, box), shown: await shownInAnyOrder(kit, box) };
    },

    'connect twice': async (kit) => {
      const box = await kit.sleeper('box');
      return kit.fails('network', 'connect', kit.network, box);
    },

    'connect twice while stopped': async (kit) => {
      const box = await kit.sleeper('box');
      await kit.docker('kill', box);
      return {
        outcome: await kit.any('network', 'connect', kit.network, box),
        networks: await networksOf(kit, box),
      };
    },

    'connect --alias': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      const next = kit.peer;
      const aliases = ['--alias', kit.name('one'), '--alias', kit.name('two')];
      await kit.docker('network', 'connect', ...aliases, kit.network, box);
      return {
        networks: (await networksOf(kit, box))[kit.network],
        two: await kit.resolve(next, kit.name('two')),
      };
    },

    'connect --ip': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      await kit.docker('network', 'connect', '--ip', kit.ip(7), kit.network, box);
      await kit.docker('restart', box);
      return { networks: (await networksOf(kit, box))[kit.network], shown: await shown(kit, box) };
    },

    'connect --ip that is taken': async (kit) => {
      await kit.sleeper('one', '--ip', kit.ip(7));
      const box = await kit.sleeper('box', '--network', 'bridge');
      const outcome = await kit.fails('network', 'connect', '--ip', kit.ip(7), kit.network, box);
      return { outcome, networks: Object.keys(await networksOf(kit, box)), shown: await shown(kit, box) };
    },

    'connect --ip of another subnet': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      return kit.fails('network', 'connect', '--ip', '198.51.100.7', kit.network, box);
    },

    'connect --link': async (kit) => {
      const db = await kit.sleeper('db');
      const box = await kit.sleeper('box', '--network', 'bridge');
      await kit.docker('network', 'connect', '--link', `${db}:store`, kit.network, box);
      return {
        links: (await networksOf(kit, box))[kit.network]?.['Links'],
        store: await kit.resolve(box, 'store'),
      };
    },

    'connect what there is not': async (kit) => {
      const box = await kit.sleeper('box');
      return [
        await kit.fails('network', 'connect', kit.name('no'), box),
        await kit.fails('network', 'connect', kit.network, kit.name('nobody')),
      ];
    },

    'connect a container on the network of the host, or on none': async (kit) => {
      const host = await kit.sleeper('host', '--network', 'host');
      const none = await kit.sleeper('none', '--network', 'none');
      return [
        await kit.fails('network', 'connect', kit.network, host),
        await kit.any('network', 'connect', kit.network, none),
        await networksOf(kit, none),
      ];
    },

    'connect a container that shares the network of another': async (kit) => {
      const box = await kit.sleeper('box');
      const joined = await kit.sleeper('joined', '--network', `container:${box}`);
      return kit.fails('network', 'connect', kit.network, joined);
    },

    'disconnect a running container': async (kit) => {
      const box = await kit.sleeper('box');
      const next = kit.peer;
      const address = await kit.address(box);
      const outcome = await kit.docker('network', 'disconnect', kit.network, box);
      return {
        outcome,
        networks: await networksOf(kit, box),
        shown: await shown(kit, box),
        reached: await kit.pings(next, address),
        name: await kit.resolve(next, box),
      };
    },

    'disconnect and connect again': async (kit) => {
      const box = await kit.sleeper('box');
      const next = kit.peer;
      await kit.docker('network', 'disconnect', kit.network, box);
      await kit.docker('network', 'connect', '--ip', kit.ip(3), kit.network, box);
      return { shown: await shown(kit, box), reached: await kit.reaches(next, box) };
    },

    'disconnect a stopped container, then start': async (kit) => {
      const box = await kit.sleeper('box');
      await kit.docker('kill', box);
      const outcome = await kit.any('network', 'disconnect', kit.network, box);
      const start = await kit.any('start', box);
      return { outcome, start, networks: await networksOf(kit, box) };
    },

    'disconnect twice': async (kit) => {
      const box = await kit.sleeper('box');
      await kit.docker('network', 'disconnect', kit.network, box);
      return kit.fails('network', 'disconnect', kit.network, box);
    },

    'disconnect -f': async (kit) => {
      const box = await kit.sleeper('box');
      const outcome = await kit.docker('network', 'disconnect', '-f', kit.network, box);
      return {
        outcome,
        networks: await networksOf(kit, box),
        again: await kit.any('network', 'disconnect', '-f', kit.network, box),
      };
    },

    'disconnect what there is not': async (kit) => {
      const box = await kit.sleeper('box');
      return [
        await kit.fails('network', 'disconnect', kit.name('no'), box),
        await kit.fails('network', 'disconnect', kit.network, kit.name('nobody')),
        await kit.fails('network', 'disconnect', 'bridge', box),
      ];
    },
  },
);

/** `docker network create`, `ls`, `inspect`, `rm` and `prune`. */
export const NETWORKS = cases(
  { tags: ['network'] },
  {
    'create with a subnet, inspect': async (kit) => {
      const outcome = await kit.createNetwork('new', '--subnet', kit.subnet());
      return { outcome, ...(await network(kit, kit.name('new'))) };
    },

    'create without a subnet': async (kit) => {
      await kit.createNetwork('new');
      const box = await kit.sleeper('box', '--network', kit.name('new'));
      const endpoint = (await networksOf(kit, box))[kit.name('new')]!;
      const gateway = endpoint.Gateway.split('.').slice(-2);
      return {
        gateway,
        shown: (await shown(kit, box)).split('\n').length,
        reached: await kit.reaches(box, endpoint.Gateway),
      };
    },

    'create with --gateway, --ip-range and --aux-address': async (kit) => {
      const options = [
        '--gateway',
        kit.own(30),
        '--ip-range',
        `${kit.own(16)}/29`,
        '--aux-address',
        `router=${kit.own(16)}`,
      ];
      const name = await kit.ownNetwork('new', 0, ...options);
      const [one, two] = [
        await kit.sleeper('one', '--network', name),
        await kit.sleeper('two', '--network', name),
      ];
      const outside = await kit.sleeper('outside', '--network', name, '--ip', kit.own(5));
      return {
        network: (await network(kit, name)).network,
        one: await kit.address(one, name),
        two: await kit.address(two, name),
        outside: await kit.address(outside, name),
        shown: await shown(kit, one),
        taken: await kit.fails(
          'run',
          '--name',
          kit.name('x'),
          '--network',
          name,
          '--ip',
          kit.own(16),
          'busybox',
        ),
      };
    },

    'a network that is full': async (kit) => {
      const name = await kit.ownNetwork('new', 0, '--gateway', kit.own(1), '--ip-range', `${kit.own(8)}/31`);
      await kit.sleeper('one', '--network', name);
      await kit.sleeper('two', '--network', name);
      const outcome = await kit.any('run', '--name', kit.name('x'), '--network', name, 'busybox', 'true');
      await kit.docker('rm', '-f', kit.name('one'));
      return { outcome, next: await kit.address(await kit.sleeper('next', '--network', name), name) };
    },

    'create --internal': async (kit) => {
      const name = await kit.ownNetwork('new', 0, '--internal');
      const one = await kit.sleeper('one', '--network', name);
      const two = await kit.sleeper('two', '--network', name);
      return {
        network: (await network(kit, name)).network,
        shown: await shown(kit, one),
        neighbour: await kit.reaches(one, two),
        outside: await kit.pings(one, '203.0.113.1'),
      };
    },

    'create --label': async (kit) => {
      await kit.ownNetwork('new', 0, '--label', 'a=b', '--label', 'only');
      const mine = ['--filter', `name=${kit.name('')}`, '--format', '{{.Labels}}'];
      const { out } = await kit.docker('network', 'ls', '--filter', 'label=a=b', ...mine);
      return {
        labels: out.split(',').sort(),
        other: await kit.lines('network', 'ls', '--filter', 'label=a=c', ...mine),
      };
    },

    'create --attachable': async (kit) => {
      const outcome = await kit.any(
        'network',
        'create',
        '-d',
        kit.kind.driver,
        '--attachable',
        '--subnet',
        kit.subnet(),
        kit.name('new'),
      );
      return { outcome, ...(await network(kit, kit.name('new'))) };
    },

    'create --scope swarm and --config-only': (kit) => refused(kit, '--scope', 'swarm'),

    'create --ingress': (kit) => refused(kit, '--ingress'),

    'create -o with the MTU': async (kit) => {
      const name = await kit.ownNetwork('new', 0, '-o', 'com.docker.network.driver.mtu=1280');
      const box = await kit.sleeper('box', '--network', name);
      return {
        options: ((await network(kit, name)).network as { Options: unknown }).Options,
        mtu: (await kit.inside(box, 'cat /sys/class/net/eth0/mtu')).out,
      };
    },

    'create -o that nobody knows': async (kit) => {
      const options = ['-o', 'unknown.option=1', '--subnet', kit.subnet()];
      const outcome = await kit.any('network', 'create', '-d', kit.kind.driver, ...options, kit.name('new'));
      return { outcome, ...(await network(kit, kit.name('new'))) };
    },

    'create over the same subnet': async (kit) => {
      await kit.ownNetwork('new');
      return refused(kit, '--subnet', kit.subnet());
    },

    'create over a part of a subnet': async (kit) => refused(kit, '--subnet', `${kit.kind.prefix}.7.0/24`),

    'create with a bad subnet': async (kit) => [
      await refused(kit, '--subnet', 'nonsense'),
      await refused(kit, '--subnet', '10.1.2.3/33'),
    ],

    'create with a subnet that has host bits': async (kit) => {
      const options = ['--subnet', `${kit.own(3)}/27`];
      const outcome = await kit.any('network', 'create', '-d', kit.kind.driver, ...options, kit.name('new'));
      return { outcome, ...(await network(kit, kit.name('new'))) };
    },

    'create with a gateway outside its subnet': (kit) =>
      refused(kit, '--subnet', kit.subnet(), '--gateway', '198.51.100.1'),

    'create with a range outside its subnet': (kit) =>
      refused(kit, '--subnet', kit.subnet(), '--ip-range', '198.51.100.0/28'),

    'create with a gateway only': (kit) => refused(kit, '--gateway', kit.own(1)),

    'create with two subnets': (kit) => refused(kit, '--subnet', kit.subnet(0), '--subnet', kit.subnet(1)),

    'create --ipv6 with a subnet of it': async (kit) =>
      (
        await kit.any(
          'network',
          'create',
          '-d',
          kit.kind.driver,
          '--ipv6',
          '--subnet',
          `fd00:${kit.kind.own}::/64`,
          kit.name('x'),
        )
      ).code,

    'create a name that is taken': async (kit) => {
      await kit.ownNetwork('new');
      return kit.fails(
        'network',
        'create',
        '-d',
        kit.kind.driver,
        '--subnet',
        kit.subnet(1),
        kit.name('new'),
      );
    },

    'create names that are reserved or bad': async (kit) => {
      const said = [];
      for (const name of ['bridge', 'host', 'none', '', kit.name('with space'), `../${kit.name('up')}`])
        said.push(await kit.any('network', 'create', '-d', kit.kind.driver, name));
      return said;
    },

    'create a network named default': (kit) =>
      // The other kind wants the same name.
      kit.alone(async () => {
        const outcome = await kit.any(
          'network',
          'create',
          '-d',
          kit.kind.driver,
          '--subnet',
          kit.subnet(),
          'default',
        );
        const removed = await kit.any('network', 'rm', 'default');
        return { outcome, removed };
      }),

    'create with the name of a container': async (kit) => {
      const box = await kit.sleeper('box');
      return (await kit.any('network', 'create', '-d', kit.kind.driver, '--subnet', kit.subnet(), box)).code;
    },

    'ls: the row': async (kit) => {
      await kit.ownNetwork('new');
      const [row] = await kit.rows('network', 'ls', '--filter', `name=${kit.name('new')}`);
      return row;
    },

    'ls --filter': async (kit) => {
      await kit.ownNetwork('new');
      const mine = ['--filter', `name=${kit.name('')}`, '--format', '{{.Name}}'];
      const filters = [
        `driver=${kit.kind.driver}`,
        'driver=null',
        'scope=local',
        'type=custom',
        'type=builtin',
        'dangling=true',
      ];
      const found: Record<string, string[]> = {};
      for (const filter of filters)
        found[filter.replace(kit.kind.driver, 'this')] = await kit.lines(
          'network',
          'ls',
          '--filter',
          filter,
          ...mine,
        );
      return { found, bad: await kit.fails('network', 'ls', '--filter', 'nonsense=1') };
    },

    'ls -q and --no-trunc': async (kit) => {
      await kit.ownNetwork('new');
      const name = ['--filter', `name=${kit.name('new')}`];
      return [
        await kit.lines('network', 'ls', '-q', ...name),
        await kit.lines('network', 'ls', '-q', '--no-trunc', ...name),
      ];
    },

    'inspect: its containers': async (kit) => {
      const name = await kit.ownNetwork('new');
      await kit.sleeper('one', '--network', name, '--ip', kit.own(9));
      await kit.sleeper('two', '--network', name, '--ip', kit.own(10));
      await kit.docker('create', '--name', kit.name('three'), '--network', name, 'busybox');
      await kit.docker('kill', await kit.sleeper('four', '--network', name));
      return (await network(kit, name)).network;
    },

    'inspect --verbose': async (kit) => {
      const name = await kit.ownNetwork('new');
      return JSON.parse((await kit.docker('network', 'inspect', '--verbose', name)).out) as unknown;
    },

    'inspect by its id, in part': async (kit) => {
      const name = await kit.ownNetwork('new');
      const { out } = await kit.docker('network', 'inspect', '-f', '{{.Id}}', name);
      return kit.docker('network', 'inspect', '-f', '{{.Name}} {{.Scope}}', out.slice(0, 10));
    },

    'inspect what there is not': async (kit) =>
      kit.fails('network', 'inspect', kit.name('no'), kit.network, '-f', '{{.Name}}'),

    'rm of an unused network': async (kit) => {
      const name = await kit.ownNetwork('new');
      const outcome = await kit.docker('network', 'rm', name);
      return { outcome, after: await network(kit, name), again: await kit.ownNetwork('new') };
    },

    'rm of a network in use': async (kit) => {
      const name = await kit.ownNetwork('new');
      const box = await kit.sleeper('box', '--network', name);
      const outcome = await kit.fails('network', 'rm', name);
      return {
        outcome,
        networks: Object.keys(await networksOf(kit, box)),
        reached: await kit.reaches(box, kit.own(1)),
      };
    },

    'rm of the network of a stopped container, then start': async (kit) => {
      const name = await kit.ownNetwork('new');
      const box = await kit.sleeper('box', '--network', name);
      await kit.docker('kill', box);
      return { outcome: await kit.docker('network', 'rm', name), start: await kit.fails('start', box) };
    },

    'rm of several, some of which there are not': async (kit) => {
      await kit.ownNetwork('one', 0);
      await kit.ownNetwork('two', 1);
      return kit.fails('network', 'rm', kit.name('one'), kit.name('no'), kit.name('two'));
    },

    'rm -f of what there is not': (kit) => kit.any('network', 'rm', '-f', kit.name('no')),

    'rm, and the same again with another subnet': async (kit) => {
      const name = await kit.ownNetwork('new', 0);
      await kit.docker('network', 'rm', name);
      await kit.ownNetwork('new', 1);
      return kit.address(await kit.sleeper('box', '--network', name), name);
    },

    prune: async (kit) => {
      const label = `parity=${kit.name('prune')}`;
      await kit.ownNetwork('used', 0, '--label', label);
      await kit.sleeper('box', '--network', kit.name('used'));
      await kit.ownNetwork('unused', 1, '--label', label);
      const prune = ['network', 'prune', '-f', '--filter', `label=${label}`];
      return kit.alone(() => kit.docker(...prune));
    },

    'the API: list and create': {
      client: 'curl',
      run: async (kit) => {
        const IPAM = { Driver: 'default', Config: [{ Subnet: kit.subnet() }] };
        const body = { Name: kit.name('new'), Driver: kit.kind.driver, CheckDuplicate: true, IPAM };
        const made = await kit.api('POST', '/networks/create', body);
        const again = await kit.api('POST', '/networks/create', body);
        const filters = encodeURIComponent(JSON.stringify({ name: [kit.name('new')] }));
        return { made, again, list: (await kit.api('GET', `/networks?filters=${filters}`)).json };
      },
    },
  },
);
