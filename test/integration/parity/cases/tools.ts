import { cases } from '../case.js';
import { FIXED_MAC } from '../normalize.js';
import type { Inspection, Kit } from '../kit.js';

const networksOf = async (kit: Kit, container: string) =>
  (await kit.inspect(container)).NetworkSettings.Networks;

/** A call that must succeed. */
async function call(kit: Kit, method: string, path: string, body?: unknown): Promise<unknown> {
  const { status, json } = await kit.api(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(json)}`);
  return json;
}

/** Body of a create call. */
const sleep = (network: string, more: object = {}) => ({
  Image: 'busybox',
  Cmd: ['sleep', '1000'],
  StopSignal: 'KILL',
  HostConfig: { NetworkMode: network },
  ...more,
});

const endpoints = (networks: Inspection['NetworkSettings']['Networks']) => ({ EndpointsConfig: networks });

/** Calls of the API as they are written by hand. */
export const CALLS = cases(
  { tags: ['api'], client: 'curl' },
  {
    NetworkDisabled: async (kit) => {
      const box = kit.name('box');
      const made = await kit.api(
        'POST',
        `/containers/create?name=${box}`,
        sleep(kit.network, { NetworkDisabled: true }),
      );
      const start = await kit.api('POST', `/containers/${box}/start`);
      const { NetworkSettings, State } = await kit.inspect(box);
      const devices = State.Running ? (await kit.inside(box, 'ls /sys/class/net')).out : '';
      return { made, start, settings: NetworkSettings, devices };
    },

    'MacAddress at the top': async (kit) => {
      const box = kit.name('box');
      const made = await kit.api(
        'POST',
        `/v1.41/containers/create?name=${box}`,
        sleep(kit.network, { MacAddress: FIXED_MAC }),
      );
      await call(kit, 'POST', `/containers/${box}/start`);
      return {
        made,
        networks: await networksOf(kit, box),
        shown: await kit.inside(box, 'cat /sys/class/net/eth0/address'),
      };
    },

    'EndpointsConfig with address and aliases': async (kit) => {
      const box = kit.name('box');
      const EndpointsConfig = {
        [kit.network]: { IPAMConfig: { IPv4Address: kit.ip(8) }, Aliases: [kit.name('one')] },
      };
      const made = await kit.api(
        'POST',
        `/containers/create?name=${box}`,
        sleep(kit.network, { NetworkingConfig: { EndpointsConfig } }),
      );
      await call(kit, 'POST', `/containers/${box}/start`);
      return { made, networks: await networksOf(kit, box) };
    },

    'EndpointsConfig of another network than NetworkMode': async (kit) => {
      const box = kit.name('box');
      const second = await kit.ownNetwork('second');
      const NetworkingConfig = { EndpointsConfig: { [second]: {} } };
      const made = await kit.api(
        'POST',
        `/v1.41/containers/create?name=${box}`,
        sleep(kit.network, { NetworkingConfig }),
      );
      const start = await kit.api('POST', `/containers/${box}/start`);
      return { made, start, networks: made.status === 201 ? Object.keys(await networksOf(kit, box)) : [] };
    },

    'EndpointsConfig with an address of another subnet': async (kit) => {
      const box = kit.name('box');
      const EndpointsConfig = { [kit.network]: { IPAMConfig: { IPv4Address: '198.51.100.7' } } };
      const made = await kit.api(
        'POST',
        `/containers/create?name=${box}`,
        sleep(kit.network, { NetworkingConfig: { EndpointsConfig } }),
      );
      return { made, start: await kit.api('POST', `/containers/${box}/start`) };
    },

    'EndpointsConfig with a field of a wrong type': (kit) =>
      kit.api(
        'POST',
        `/containers/create?name=${kit.name('x')}`,
        sleep(kit.network, { NetworkingConfig: { EndpointsConfig: { [kit.network]: 7 } } }),
      ),

    'create, connect, start': async (kit) => {
      const box = kit.name('box');
      const second = await kit.ownNetwork('second');
      await call(kit, 'POST', `/containers/create?name=${box}`, sleep(kit.network));
      await call(kit, 'POST', `/networks/${second}/connect`, { Container: box });
      const created = await networksOf(kit, box);
      await call(kit, 'POST', `/containers/${box}/start`);
      return {
        created,
        started: await networksOf(kit, box),
        // Docker makes the devices in any order.
        shown: (await kit.inside(box, 'ip route')).out
          .replace(/\beth\d\b/g, 'eth<n>')
          .split('\n')
          .sort(),
      };
    },

    'connect with wrong bodies': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      const connect = (body: unknown) => kit.api('POST', `/networks/${kit.network}/connect`, body);
      return [
        await connect({ Container: box, EndpointConfig: { IPAMConfig: { IPv4Address: 'nonsense' } } }),
        await connect({ Container: '' }),
        await connect({ Container: box, EndpointConfig: 7 }),
      ];
    },
  },
);

/** Sequences of calls as tools make them that replace a container by a newer one. */
export const TOOLS = cases(
  { tags: ['tools'], client: 'curl' },
  {
    'inspect, stop, rm, create of what was inspected, disconnect, connect, start': async (kit) => {
      const second = await kit.ownNetwork('second');
      const options = ['--ip', kit.ip(2), '--network-alias', kit.name('alias'), '-p', `${kit.port(0)}:80`];
      const box = await kit.sleeper('box', ...options);
      await kit.docker('network', 'connect', '--ip', kit.own(9), second, box);
      const old = await kit.inspect(box);
      await call(kit, 'POST', `/containers/${box}/stop`);
      await call(kit, 'DELETE', `/containers/${box}`);
      const body = { ...old.Config, HostConfig: old.HostConfig };
      // One network at the creation, as old engines demand; then each as it was.
      const first = { [kit.network]: old.NetworkSettings.Networks[kit.network]! };
      await call(kit, 'POST', `/v1.41/containers/create?name=${box}`, {
        ...body,
        NetworkingConfig: endpoints(first),
      });
      await call(kit, 'POST', `/networks/${kit.network}/disconnect`, { Container: box, Force: true });
      for (const [name, EndpointConfig] of Object.entries(old.NetworkSettings.Networks))
        await call(kit, 'POST', `/networks/${name}/connect`, { Container: box, EndpointConfig });
      await call(kit, 'POST', `/containers/${box}/start`);
      const now = await kit.inspect(box);
      await kit.serve(box);
      const next = kit.peer;
      return {
        networks: now.NetworkSettings.Networks,
        ports: now.NetworkSettings.Ports,
        alias: await kit.resolve(next, kit.name('alias')),
        reached: await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`),
      };
    },

    'stop, rename, disconnect, create, start': async (kit) => {
      const box = await kit.sleeper('box', '--ip', kit.ip(2), '--network-alias', kit.name('alias'));
      const old = await kit.inspect(box);
      await call(kit, 'POST', `/containers/${box}/stop`);
      await call(kit, 'POST', `/containers/${box}/rename?name=${kit.name('old')}`);
      await call(kit, 'POST', `/networks/${kit.network}/disconnect`, { Container: old.Id, Force: true });
      const body = {
        ...old.Config,
        HostConfig: old.HostConfig,
        NetworkingConfig: endpoints(old.NetworkSettings.Networks),
      };
      await call(kit, 'POST', `/v1.41/containers/create?name=${box}`, body);
      await call(kit, 'POST', `/containers/${box}/start`);
      await call(kit, 'DELETE', `/containers/${kit.name('old')}`);
      const next = kit.peer;
      return {
        networks: await networksOf(kit, box),
        alias: await kit.resolve(next, kit.name('alias')),
        name: await kit.resolve(next, box),
      };
    },

    'a successor with the same address: created, old one stopped, started': async (kit) => {
      const old = await kit.sleeper('old', '--ip', kit.ip(2));
      const made = await kit.any(
        'create',
        '--name',
        kit.name('new'),
        '--network',
        kit.network,
        '--ip',
        kit.ip(2),
        '--stop-signal',
        'KILL',
        'busybox',
        'sleep',
        '1000',
      );
      const early = await kit.any('start', kit.name('new'));
      await kit.docker('stop', old);
      await kit.docker('start', kit.name('new'));
      const next = kit.peer;
      return {
        made,
        early,
        networks: await networksOf(kit, kit.name('new')),
        reached: await kit.reaches(next, kit.ip(2)),
        back: await kit.fails('start', old),
      };
    },

    'a successor beside the old one, by an alias': async (kit) => {
      const alias = kit.name('alias');
      const old = await kit.sleeper('old', '--network-alias', alias, '--ip', kit.ip(1));
      const next = kit.peer;
      const before = await kit.resolve(next, alias);
      await kit.sleeper('new', '--network-alias', alias, '--ip', kit.ip(2));
      await kit.docker('rm', '-f', old);
      return { before, after: await kit.resolve(next, alias) };
    },

    'a container that is moved from one network to another while it runs': async (kit) => {
      const second = await kit.ownNetwork('second');
      const box = await kit.sleeper('box', '--network', second);
      await kit.docker('network', 'connect', kit.network, box);
      await kit.docker('network', 'disconnect', second, box);
      const next = kit.peer;
      return {
        networks: await networksOf(kit, box),
        shown: await kit.inside(box, 'ip -4 -o address; ip route'),
        reached: await kit.reaches(next, box),
        outside: await kit.reaches(box, '203.0.113.1'),
      };
    },

    'restart of what another shares its network with': async (kit) => {
      const box = await kit.sleeper('box', '--ip', kit.ip(1));
      const joined = await kit.sleeper('joined', '--network', `container:${box}`);
      await kit.docker('restart', box);
      await kit.docker('restart', joined);
      return kit.inside(joined, 'ip -4 -o address show dev eth0');
    },

    'what other containers on the host see of Docker by its socket': async (kit) => {
      const box = kit.name('box');
      const socket = ['-v', '/run/socketplane/docker.sock:/run/docker.sock'];
      await kit.docker(
        'run',
        '-d',
        '--name',
        box,
        '--network',
        kit.network,
        '--stop-signal',
        'KILL',
        ...socket,
        'busybox',
        'sleep',
        '1000',
      );
      const { Networks } = (await kit.inspect(box)).NetworkSettings;
      const { out } = await kit.inside(box, 'test -S /run/docker.sock && hostname -i');
      return { same: out === Networks[kit.network]?.IPAddress };
    },
  },
);
