import { cases } from '../case.js';
import type { Kit } from '../kit.js';

const ports = async (kit: Kit, container: string) => (await kit.inspect(container)).NetworkSettings.Ports;

/** What an address of the host's says on a published port, from each side. */
async function everywhere(kit: Kit, port: string, from: string) {
  const target = `${kit.hostAddress}:${port}`;
  return {
    host: await kit.fetch('host', target),
    loopback: await kit.fetch('host', `127.0.0.1:${port}`),
    other: await kit.fetch('other', target),
    neighbour: await kit.fetch(from, target),
    gateway: await kit.fetch(from, `${kit.kind.prefix}.0.1:${port}`),
  };
}

/** A server of one datagram in a container's network, for which busybox has no program. */
const ECHO = `
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(('0.0.0.0', 90))
server.settimeout(30)
while True:
    data, sender = server.recvfrom(100)
    server.sendto(b'echo of ' + data, sender)
    if data == b'last':
        break
`;
const SEND = `
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(0.5)
for _ in range(20):
    client.sendto(sys.argv[3].encode(), (sys.argv[1], int(sys.argv[2])))
    try:
        print(client.recv(100).decode())
        break
    except OSError:
        pass
else:
    print('no answer')
`;

/** Ports that a container publishes. */
export const RUN_PORTS = cases(
  { tags: ['ports'] },
  {
    'run -p, reached from host, LAN and neighbours': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      const next = kit.peer;
      await kit.serve(box);
      return { ports: await ports(kit, box), reached: await everywhere(kit, kit.port(0), next) };
    },

    'run -p, its own published port from within': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.serve(box);
      return kit.fetch(box, `${kit.hostAddress}:${kit.port(0)}`);
    },

    'run -p that nobody listens on': async (kit) => {
      await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      return kit.fetchOnce('other', `${kit.hostAddress}:${kit.port(0)}`);
    },

    'run -p to a random port': async (kit) => {
      const box = await kit.sleeper('box', '-p', '80');
      await kit.serve(box);
      const { out } = await kit.docker('port', box, '80');
      const port = out.split('\n')[0]!.split(':').at(-1);
      return {
        out,
        ports: await ports(kit, box),
        reached: await kit.fetch('other', `${kit.hostAddress}:${port}`),
      };
    },

    'run -p of a range': async (kit) => {
      const range = `${kit.port(0)}-${kit.port(2)}:80-82`;
      const box = await kit.sleeper('box', '-p', range);
      await kit.serve(box, 82);
      return {
        bindings: (await kit.inspect(box)).HostConfig['PortBindings'],
        ports: await ports(kit, box),
        reached: await kit.fetch('host', `${kit.hostAddress}:${kit.port(2)}`),
      };
    },

    'run -p of one port to any of a range': async (kit) => {
      const range = `${kit.port(0)}-${kit.port(1)}:80`;
      const first = await kit.sleeper('first', '-p', range);
      const second = await kit.sleeper('second', '-p', range);
      const third = await kit.any(
        'run',
        '-d',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '-p',
        range,
        'busybox',
      );
      return { first: await ports(kit, first), second: await ports(kit, second), third: third.code };
    },

    'run -p of udp': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:90/udp`);
      const { Pid } = (await kit.inspect(box)).State;
      const server = kit.host(['nsenter', '-t', String(Pid), '-n', 'python3', '-c', ECHO]);
      const send = async (word: string) =>
        (await kit.host(['python3', '-c', SEND, kit.hostAddress, kit.port(0), word])).out;
      const said = [await send('first'), await send('last')];
      await server;
      return { said, ports: await ports(kit, box) };
    },

    'run -p of tcp and udp on the same port': async (kit) => {
      const both = ['-p', `${kit.port(0)}:80/tcp`, '-p', `${kit.port(0)}:80/udp`];
      return ports(kit, await kit.sleeper('box', ...both));
    },

    'run -p on the loopback address of the host': async (kit) => {
      const box = await kit.sleeper('box', '-p', `127.0.0.1:${kit.port(0)}:80`);
      await kit.serve(box);
      return {
        ports: await ports(kit, box),
        loopback: await kit.fetch('host', `127.0.0.1:${kit.port(0)}`),
        lan: await kit.fetchOnce('other', `${kit.hostAddress}:${kit.port(0)}`),
      };
    },

    'run -p on the address of the host': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.hostAddress}:${kit.port(0)}:80`);
      await kit.serve(box);
      return {
        ports: await ports(kit, box),
        lan: await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`),
        loopback: await kit.fetchOnce('host', `127.0.0.1:${kit.port(0)}`),
      };
    },

    'run -p on an address that the host has not': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '-p',
        `198.51.100.7:${kit.port(0)}:80`,
        'busybox',
      ),

    'run -p of a port that a container has': async (kit) => {
      await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      const options = ['--network', kit.network, '-p', `${kit.port(0)}:81`];
      const outcome = await kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
      const { State, NetworkSettings } = await kit.inspect(kit.name('x'));
      return { outcome, status: State.Status, code: State.ExitCode, networks: NetworkSettings.Networks };
    },

    'run -p of a port that a container on the bridge has': async (kit) => {
      await kit.sleeper('box', '--network', 'bridge', '-p', `${kit.port(0)}:80`);
      const options = ['--network', kit.network, '-p', `${kit.port(0)}:81`];
      return kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
    },

    'run -p twice of the same port': (kit) => {
      const twice = ['-p', `${kit.port(0)}:80`, '-p', `${kit.port(0)}:81`];
      return kit.fails('run', '--name', kit.name('x'), '--network', kit.network, ...twice, 'busybox', 'true');
    },

    'run -p of nonsense': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '-p',
        '99999:80',
        'busybox',
        'true',
      ),

    'a port is free when its container has stopped': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.docker('kill', box);
      const next = await kit.sleeper('next', '-p', `${kit.port(0)}:80`);
      await kit.serve(next);
      return {
        stopped: await ports(kit, box),
        next: await ports(kit, next),
        reached: await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`),
        again: await kit.fails('start', box),
      };
    },

    'run -P of what the image exposes': async (kit) => {
      const box = kit.name('box');
      await kit.docker(
        'run',
        '-d',
        '--name',
        box,
        '--network',
        kit.network,
        '-P',
        'exposing',
        'sleep',
        '1000',
      );
      return ports(kit, box);
    },

    'run --expose': async (kit) => {
      const box = await kit.sleeper('box', '--expose', '81-82');
      const { Config, NetworkSettings } = await kit.inspect(box);
      return { exposed: Config['ExposedPorts'], ports: NetworkSettings.Ports };
    },

    'run -P with --expose': async (kit) => ports(kit, await kit.sleeper('box', '-P', '--expose', '81')),

    'docker port': async (kit) => {
      const published = ['-p', `${kit.port(0)}:80`, '-p', `127.0.0.1:${kit.port(1)}:90/udp`];
      const box = await kit.sleeper('box', ...published);
      return {
        all: (await kit.lines('port', box)).sort(),
        one: await kit.docker('port', box, '80'),
        udp: await kit.docker('port', box, '90/udp'),
        none: await kit.fails('port', box, '7'),
      };
    },

    'docker port of a stopped container': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.docker('kill', box);
      return { port: await kit.any('port', box), one: await kit.any('port', box, '80') };
    },

    'a published port after restart': async (kit) => {
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.docker('restart', box);
      await kit.serve(box);
      return {
        ports: await ports(kit, box),
        reached: await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`),
      };
    },

    'a published port of a container on two networks': async (kit) => {
      const second = await kit.ownNetwork('second');
      const box = await kit.sleeper('box', '-p', `${kit.port(0)}:80`);
      await kit.serve(box);
      await kit.docker('network', 'connect', second, box);
      const both = await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`);
      await kit.docker('network', 'disconnect', kit.network, box);
      return {
        both,
        one: await kit.fetch('other', `${kit.hostAddress}:${kit.port(0)}`),
        ports: await ports(kit, box),
      };
    },

    'the client address that a server sees': async (kit) => {
      const box = await kit.sleeper('box');
      const next = await kit.sleeper('next', '--ip', kit.ip(3));
      await kit.serve(box);
      await kit.inside(box, 'busybox httpd -p 81 -vv -f -h /www </dev/null >/dev/null 2>/seen &');
      await kit.fetch(next, `${await kit.address(box)}:81`);
      return kit.inside(box, 'grep -oE "([0-9]+\\.){3}[0-9]+" /seen | sort -u');
    },
  },
);
