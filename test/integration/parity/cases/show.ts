import { cases } from '../case.js';
import type { Kit } from '../kit.js';

/** Docker's events about a case's containers and networks between two of the host's times. */
async function eventsOf(kit: Kit, step: () => Promise<unknown>) {
  const since = await kit.host(['date', '+%s.%N']);
  await step();
  // What a call caused may be told a moment after its answer.
  await new Promise((resolve) => setTimeout(resolve, 300));
  const until = await kit.host(['date', '+%s.%N']);
  const { out } = await kit.docker(
    'events',
    '--since',
    since.out,
    '--until',
    until.out,
    '--format',
    '{{json .}}',
  );
  const all = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event);
  const containers = new Set(
    all.filter((event) => isOf(kit, event.Actor.Attributes['name'])).map(({ Actor }) => Actor.ID),
  );
  return diesFirst(all)
    .filter(({ Actor }) => containers.has(Actor.ID) || containers.has(Actor.Attributes['container'] ?? ''))
    .map(({ Type, Action, Actor }) => ({ Type, Action, attributes: Actor.Attributes }));
}

/** Docker tells of the end of a process and of the call that ended it as either happens to be there first. */
function diesFirst(events: Event[]): Event[] {
  const ordered: Event[] = [];
  for (const event of events) {
    const isOfSame = ({ Action, Actor }: Event) =>
      Actor.ID === event.Actor.ID && ['start', 'stop'].includes(Action);
    const last = ordered.findLastIndex(isOfSame);
    const isLate = event.Action === 'die' && ordered[last]?.Action === 'stop';
    ordered.splice(isLate ? last : ordered.length, 0, event);
  }
  return ordered;
}

interface Event {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

const isOf = (kit: Kit, name = '') => name.startsWith(kit.name(''));

/** What Docker shows of containers. */
export const SHOW = cases(
  { tags: ['show'] },
  {
    'ps: ports and networks': async (kit) => {
      await kit.sleeper('box', '-p', `${kit.port(0)}:80`, '--expose', '90');
      const [row] = await kit.rows('ps', '--no-trunc', '--filter', `name=${kit.name('box')}`);
      const { LocalVolumes: _volumes, Size: _size, ...rest } = row!;
      return rest;
    },

    'ps: the table': async (kit) => {
      await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      return kit.lines('ps', '--filter', `name=${kit.name('box')}`);
    },

    'ps --filter network': async (kit) => {
      await kit.sleeper('one');
      await kit.sleeper('two', '--network', 'bridge');
      const mine = ['--filter', `name=${kit.name('')}`, '--format', '{{.Names}} {{.Networks}}'];
      const { out } = await kit.docker('network', 'inspect', '-f', '{{.Id}}', kit.network);
      return {
        name: await kit.lines('ps', '--filter', `network=${kit.network}`, ...mine),
        id: await kit.lines('ps', '--filter', `network=${out}`, ...mine),
        unknown: await kit.lines('ps', '--filter', 'network=nothing', ...mine),
      };
    },

    'ps --filter publish and expose': async (kit) => {
      await kit.sleeper('one', '-p', `${kit.port(0)}:80`);
      await kit.sleeper('two', '--expose', '81');
      const mine = ['--filter', `name=${kit.name('')}`, '--format', '{{.Names}} {{.Ports}}'];
      return {
        publish: await kit.lines('ps', '--filter', `publish=${kit.port(0)}`, ...mine),
        expose: await kit.lines('ps', '--filter', 'expose=81', ...mine),
      };
    },

    'ps -a of what has stopped': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.docker('kill', box);
      return kit.lines(
        'ps',
        '-a',
        '--filter',
        `name=${box}`,
        '--format',
        '{{.Names}}|{{.State}}|{{.Ports}}|{{.Networks}}',
      );
    },

    'the API: list of containers': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      const filters = encodeURIComponent(JSON.stringify({ name: [box] }));
      const { json } = await kit.api('GET', `/containers/json?filters=${filters}`);
      return (json as Record<string, unknown>[]).map(
        ({ Ports, NetworkSettings, HostConfig, Names, Labels }) => {
          return { Ports, NetworkSettings, HostConfig, Names, Labels };
        },
      );
    },

    'stats: network traffic is counted': async (kit) => {
      const [one, two] = [await kit.sleeper('one'), kit.peer];
      await kit.inside(one, `ping -c 3 -i 0.1 -s 1000 ${two}`);
      const [row] = await kit.rows('stats', '--no-stream', one);
      const { json } = await kit.api('GET', `/containers/${one}/stats?stream=false&one-shot=1`);
      const { networks } = json as { networks: Record<string, Record<string, number>> };
      const counted = Object.entries(networks).map(([device, fields]) => [
        device,
        Object.keys(fields).sort(),
        fields['rx_bytes']! > 3000 && fields['tx_bytes']! > 3000,
      ]);
      return { cli: /^0B/.test(row!['NetIO']!) ? 'nothing' : 'something', counted };
    },

    'inspect: all of NetworkSettings': async (kit) =>
      (
        await kit.inspect(
          await kit.sleeper('box', '-p', `${kit.port(0)}:80`, '--network-alias', kit.name('one')),
        )
      ).NetworkSettings,

    'inspect: all of Config and HostConfig': async (kit) => {
      const { Config, HostConfig, ...rest } = await kit.inspect(await kit.sleeper('box', '--ip', kit.ip(2)));
      const paths = ['HostsPath', 'HostnamePath', 'ResolvConfPath'].map(
        (key) => (rest as Record<string, unknown>)[key],
      );
      return { Config, HostConfig, paths };
    },

    'inspect of a created container': async (kit) => {
      const options = ['--network', kit.network, '--ip', kit.ip(2), '-p', `${kit.port(0)}:80`];
      await kit.docker('create', '--name', kit.name('box'), ...options, 'busybox');
      return (await kit.inspect(kit.name('box'))).NetworkSettings;
    },

    'inspect of a stopped container': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.docker('kill', box);
      return (await kit.inspect(box)).NetworkSettings;
    },

    'inspect -f, as scripts do': async (kit) => {
      const box = await kit.sleeper('box');
      const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}}{{end}}';
      return kit.docker('inspect', '-f', format, box);
    },

    'events of start, stop and rm': async (kit) =>
      eventsOf(kit, async () => {
        const box = await kit.sleeper('box');
        await kit.docker('stop', box);
        await kit.docker('start', box);
        await kit.docker('rm', '-f', box);
      }),

    'events of connect and disconnect': async (kit) => {
      const second = await kit.ownNetwork('second');
      const box = await kit.sleeper('box');
      return eventsOf(kit, async () => {
        await kit.docker('network', 'connect', second, box);
        await kit.docker('network', 'disconnect', second, box);
        await kit.docker('rename', box, kit.name('new'));
      });
    },

    'events of a network': async (kit) => {
      const since = await kit.host(['date', '+%s.%N']);
      await kit.ownNetwork('new');
      await kit.docker('network', 'rm', kit.name('new'));
      const until = await kit.host(['date', '+%s.%N']);
      const period = ['--since', since.out, '--until', until.out];
      const { out } = await kit.docker(
        'events',
        ...period,
        '--filter',
        'type=network',
        '--format',
        '{{json .}}',
      );
      return out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Event)
        .filter(({ Actor }) => isOf(kit, Actor.Attributes['name']))
        .map(({ Action, Actor }) => ({ Action, attributes: Actor.Attributes }));
    },
  },
);
