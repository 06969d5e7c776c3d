import { cases } from '../case.js';
import type { Kit } from '../kit.js';

const endpoint = async (kit: Kit, name: string) =>
  (await kit.inspect(name)).NetworkSettings.Networks[kit.network];

/** How containers begin and end. */
export const RUN_LIFE = cases(
  { tags: ['run'] },
  {
    'eth0 is there before the first instruction': (kit) => {
      const program = ['busybox', 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0'];
      const start = ['run', '-d', '--name', kit.name('box'), '--network', kit.network, ...program];
      return kit.docker(...start).then(() => kit.end(kit.name('box')));
    },

    'the whole of eth0': (kit) =>
      kit.probe(
        [],
        'ip address show eth0 | grep -v inet6; cat /sys/class/net/eth0/operstate /sys/class/net/eth0/mtu',
      ),

    'all devices': (kit) => kit.probe([], 'ls /sys/class/net; ip -4 -o address show dev lo'),

    'the routes': (kit) => kit.probe([], 'ip route; ip rule'),

    'the IPv6 side': (kit) =>
      kit.probe(
        [],
        'ip -6 route | grep -v fe80; cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6; grep -c eth0 /proc/net/if_inet6',
      ),

    'files of /etc are mounted as ever': (kit) =>
      kit.probe(
        [],
        'awk \'$2 ~ "^/etc/" { print $2 }\' /proc/mounts; ls -l /etc/hosts /etc/resolv.conf /etc/hostname | cut -c1-10',
      ),

    'run --rm': {
      tags: ['follows'],
      run: async (kit) => {
        const run = ['run', '--rm', '--name', kit.name('box'), '--network', kit.network];
        const outcome = await kit.any(...run, 'busybox', 'sh', '-c', 'echo said; exit 7');
        await kit.waitFor('its removal', async () => (await kit.leftovers()).length === 0);
        return { outcome, left: await kit.leftovers() };
      },
    },

    'run -i': {
      tags: ['follows'],
      run: async (kit) => {
        const options = ['--rm', '-i', '--name', kit.name('box'), '--network', kit.network];
        const run = ['run', ...options, 'busybox', 'sh', '-c', 'cat; ip route | wc -l'];
        return kit.host(['docker', '-H', kit.dockerHost, ...run], { input: 'said\n' });
      },
    },

    'run -t': {
      tags: ['follows'],
      run: (kit) =>
        kit.any(
          'run',
          '--rm',
          '-t',
          '--name',
          kit.name('box'),
          '--network',
          kit.network,
          'busybox',
          'ip',
          'route',
        ),
    },

    'run of a program that is not there': async (kit) => {
      const run = ['run', '--name', kit.name('box'), '--network', kit.network, 'busybox', '/no/such'];
      const outcome = await kit.fails(...run);
      const { State, NetworkSettings } = await kit.inspect(kit.name('box'));
      return { outcome, status: State.Status, code: State.ExitCode, networks: NetworkSettings.Networks };
    },

    'run of a name that is taken': async (kit) => {
      const box = await kit.sleeper('box');
      return kit.fails('run', '--name', box, '--network', kit.network, 'busybox', 'true');
    },

    'run --restart of what crashes': async (kit) => {
      const options = ['--restart', 'on-failure:3', '--network', kit.network];
      const script = 'ip -4 -o address show dev eth0 | wc -l; exit 3';
      await kit.docker('run', '-d', '--name', kit.name('box'), ...options, 'busybox', 'sh', '-c', script);
      const look = () => kit.inspect(kit.name('box'));
      await kit.waitFor('its end', async () => {
        const { State, RestartCount } = await look();
        return RestartCount === 3 && State.Status === 'exited';
      });
      const { RestartCount, State, NetworkSettings } = await look();
      const { out } = await kit.docker('logs', kit.name('box'));
      return { RestartCount, code: State.ExitCode, out, networks: NetworkSettings.Networks };
    },

    'run --restart always, killed from within': async (kit) => {
      const box = await kit.sleeper('box', '--restart', 'always', '--ip', kit.ip(3));
      const before = (await kit.inspect(box)).State.Pid;
      await kit.host(['kill', '-KILL', String(before)]);
      await kit.waitFor('its return', async () => {
        const { State } = await kit.inspect(box);
        return State.Running && State.Pid !== 0 && State.Pid !== before;
      });
      return {
        endpoint: await endpoint(kit, box),
        inside: await kit.inside(box, 'ip -4 -o address show dev eth0'),
      };
    },

    'create, start, stop, start': async (kit) => {
      const box = kit.name('box');
      await kit.docker(
        'create',
        '--name',
        box,
        '--stop-signal',
        'KILL',
        '--network',
        kit.network,
        '--ip',
        kit.ip(1),
        'busybox',
        'sleep',
        '99',
      );
      const steps = { created: await endpoint(kit, box) };
      await kit.docker('start', box);
      const started = await endpoint(kit, box);
      await kit.docker('stop', box);
      const stopped = await endpoint(kit, box);
      await kit.docker('start', box);
      return { ...steps, started, stopped, again: await endpoint(kit, box) };
    },

    'start twice': async (kit) => {
      const box = await kit.sleeper('box');
      const before = await endpoint(kit, box);
      return { outcome: await kit.docker('start', box), before, after: await endpoint(kit, box) };
    },

    'start -a': {
      tags: ['follows'],
      run: async (kit) => {
        await kit.docker(
          'create',
          '--name',
          kit.name('box'),
          '--network',
          kit.network,
          'busybox',
          'ip',
          'route',
        );
        return kit.docker('start', '-a', kit.name('box'));
      },
    },

    'stop twice': async (kit) => {
      const box = await kit.sleeper('box');
      return [await kit.docker('stop', box), await kit.docker('stop', box), await endpoint(kit, box)];
    },

    'kill, wait, kill again': async (kit) => {
      const box = await kit.sleeper('box');
      const kill = await kit.docker('kill', box);
      return { kill, wait: await kit.docker('wait', box), again: await kit.fails('kill', box) };
    },

    restart: async (kit) => {
      const box = await kit.sleeper('box', '--ip', kit.ip(4));
      const outcome = await kit.docker('restart', box);
      return {
        outcome,
        endpoint: await endpoint(kit, box),
        inside: await kit.inside(box, 'ip -4 -o address; ip route'),
      };
    },

    'pause and unpause': async (kit) => {
      const to = kit.peer;
      const box = await kit.sleeper('box');
      const paused = await kit.docker('pause', box);
      const during = await endpoint(kit, box);
      await kit.docker('unpause', box);
      return { paused, during, reached: await kit.reaches(box, to) };
    },

    'rm of a running container, and rm -f': async (kit) => {
      const box = await kit.sleeper('box');
      const rm = await kit.fails('rm', box);
      return {
        rm,
        force: await kit.docker('rm', '-f', box),
        again: await kit.any('rm', box),
        left: await kit.leftovers(),
      };
    },

    rename: async (kit) => {
      const box = await kit.sleeper('box');
      const other = kit.peer;
      const before = await kit.resolve(other, box);
      const outcome = await kit.docker('rename', box, kit.name('new'));
      return {
        outcome,
        before,
        names: await kit.resolve(other, kit.name('new')),
        old: await kit.resolve(other, box),
        endpoint: await endpoint(kit, kit.name('new')),
      };
    },

    'rename of a stopped container': async (kit) => {
      const box = await kit.sleeper('box');
      const other = kit.peer;
      await kit.docker('kill', box);
      await kit.docker('rename', box, kit.name('new'));
      await kit.docker('start', kit.name('new'));
      return { now: await kit.resolve(other, kit.name('new')), old: await kit.resolve(other, box) };
    },

    update: async (kit) => {
      const box = await kit.sleeper('box');
      const outcome = await kit.docker('update', '--restart', 'unless-stopped', box);
      const { HostConfig } = await kit.inspect(box);
      return { outcome, restart: HostConfig['RestartPolicy'], endpoint: await endpoint(kit, box) };
    },

    commit: async (kit) => {
      const box = await kit.sleeper('box');
      const { out } = await kit.docker('commit', box);
      const { json } = await kit.api('GET', `/images/${out}/json`);
      await kit.docker('rmi', out);
      const { Config } = json as { Config: Record<string, unknown> };
      return {
        env: Config['Env'],
        labels: Config['Labels'],
        cmd: Config['Cmd'],
        exposed: Config['ExposedPorts'],
      };
    },

    'cp, diff and export': async (kit) => {
      const box = await kit.sleeper('box');
      const folder = await kit.file('hosts', '1.2.3.4 copied\n');
      const into = await kit
        .docker('cp', '-q', folder, `${box}:/tmp/copied`)
        .catch(() => kit.any('cp', folder, `${box}:/tmp/copied`));
      const out = await kit.host(['sh', '-c', `docker -H ${kit.dockerHost} cp ${box}:/etc/hosts - | tar -t`]);
      return { into, out, diff: (await kit.lines('diff', box)).sort() };
    },

    exec: {
      tags: ['follows'],
      run: async (kit) => {
        const box = await kit.sleeper('box');
        return [
          await kit.docker('exec', box, 'ip', 'route'),
          await kit.fails('exec', box, 'sh', '-c', 'exit 5'),
        ];
      },
    },

    'logs and top': async (kit) => {
      const box = kit.name('box');
      const run = ['run', '-d', '--name', box, '--network', kit.network, '--stop-signal', 'KILL'];
      await kit.docker(...run, 'busybox', 'sh', '-c', 'echo said; exec sleep 1000');
      await kit.waitFor('its words', async () => (await kit.any('logs', box)).out !== '');
      return {
        logs: await kit.docker('logs', box),
        top: (await kit.lines('top', box, '-o', 'pid,args')).map((line) => line.replace(/^\d+/, '<pid>')),
      };
    },

    'container prune': async (kit) => {
      const label = `parity=${kit.name('prune')}`;
      const box = await kit.sleeper('box', '--label', label);
      const kept = await kit.sleeper('kept', '--label', label);
      await kit.docker('kill', box);
      const prune = ['container', 'prune', '-f', '--filter', `label=${label}`];
      const outcome = await kit.alone(() => kit.docker(...prune));
      return { outcome, left: await kit.leftovers(), kept: (await endpoint(kit, kept)) !== undefined };
    },
  },
);
