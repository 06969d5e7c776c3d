import { cases } from '../case.js';
import { OUTSIDE } from '../../../lab/lab.js';

/** Who reaches whom, and by which names. */
export const REACH = cases(
  { tags: ['reach'] },
  {
    'ping between containers': async (kit) => {
      const [one, two] = [kit.peer, await kit.sleeper('two')];
      const [first, second] = [await kit.address(one), await kit.address(two)];
      return {
        there: await kit.reaches(one, second),
        back: await kit.reaches(two, first),
        self: await kit.reaches(one, first),
      };
    },

    'TCP between containers, on any port': async (kit) => {
      const [one, two] = [kit.peer, await kit.sleeper('two')];
      await kit.serve(two, 8123);
      return {
        at: await kit.fetch(one, `${await kit.address(two)}:8123`),
        by: await kit.fetch(one, `${two}:8123`),
      };
    },

    'a large transfer between containers': async (kit) => {
      const [one, two] = [kit.peer, await kit.sleeper('two')];
      await kit.inside(two, 'mkdir -p /www; head -c 20000000 /dev/zero >/www/index.html; httpd -h /www');
      return (await kit.inside(one, `wget -q -O - http://${two}/ | md5sum`)).out;
    },

    'large packets': async (kit) => {
      const [one, two] = [kit.peer, await kit.sleeper('two')];
      const ping = (size: number) => kit.inside(one, `ping -c 1 -W 10 -s ${size} ${two} >/dev/null 2>&1`);
      return [(await ping(1400)).code, (await ping(9000)).code, (await ping(60_000)).code];
    },

    'networks are isolated from each other': async (kit) => {
      const second = await kit.ownNetwork('second');
      const one = kit.peer;
      const two = await kit.sleeper('two', '--network', second);
      await kit.serve(two);
      const address = await kit.address(two, second);
      return {
        ping: await kit.pings(one, address),
        back: await kit.pings(two, await kit.address(one)),
        name: await kit.resolve(one, two),
        fetch: await kit.fetchOnce(one, address),
      };
    },

    'networks are isolated from the default bridge': async (kit) => {
      const one = kit.peer;
      const two = await kit.sleeper('two', '--network', 'bridge');
      const far = (await kit.inspect(two)).NetworkSettings.IPAddress;
      return { ping: await kit.pings(one, far), back: await kit.pings(two, await kit.address(one)) };
    },

    'a container on two networks reaches both': async (kit) => {
      const second = await kit.ownNetwork('second');
      const both = await kit.sleeper('both');
      await kit.docker('network', 'connect', second, both);
      const one = await kit.sleeper('one');
      const two = await kit.sleeper('two', '--network', second);
      return {
        one: await kit.reaches(both, one),
        two: await kit.reaches(both, two),
        devices: (await kit.inside(both, "ip -4 -o address | cut -d' ' -f2-8; ip route")).out,
      };
    },

    'outside, by the gateway': async (kit) => {
      const one = kit.peer;
      return {
        outside: await kit.reaches(one, OUTSIDE),
        gateway: await kit.reaches(one, `${kit.kind.prefix}.0.1`),
        host: await kit.reaches(one, kit.hostAddress),
        name: await kit.resolve(one, 'outside.example'),
      };
    },

    'a service of the host by the gateway': async (kit) => {
      const one = kit.peer;
      const folder = (await kit.file('index.html', 'of the host')).replace(/\/index.html$/, '');
      const server = ['timeout', '60', 'busybox', 'httpd', '-f', '-p', kit.port(0), '-h', folder];
      void kit.host(server);
      const said = await kit.fetch(one, `${kit.kind.prefix}.0.1:${kit.port(0)}`);
      const lan = await kit.fetch(one, `${kit.hostAddress}:${kit.port(0)}`);
      return { said, lan };
    },

    'the host reaches containers by their addresses': async (kit) => {
      const one = await kit.sleeper('one');
      await kit.serve(one);
      return kit.fetch('host', await kit.address(one));
    },

    'the LAN does not reach containers by their addresses': async (kit) => {
      const one = await kit.sleeper('one');
      await kit.serve(one);
      return kit.fetchOnce('other', await kit.address(one));
    },

    'names: of containers, by all that they have': async (kit) => {
      const box = await kit.sleeper(
        'box',
        '--network-alias',
        kit.name('alias'),
        '--hostname',
        kit.name('hosted'),
      );
      const other = kit.peer;
      const { Id } = await kit.inspect(box);
      const names = [
        box,
        kit.name('alias'),
        Id.slice(0, 12),
        `${box}.${kit.network}`,
        `${kit.name('alias')}.${kit.network}`,
        kit.name('hosted'),
        Id,
      ];
      const found = [];
      for (const name of names) found.push(await kit.resolve(other, name));
      return found;
    },

    'names: of itself': async (kit) => {
      const box = await kit.sleeper(
        'box',
        '--network-alias',
        kit.name('alias'),
        '--hostname',
        kit.name('hosted'),
      );
      const found = [];
      for (const name of [box, kit.name('alias'), kit.name('hosted'), 'localhost'])
        found.push(await kit.resolve(box, name));
      return found;
    },

    'names: in capitals and with a final dot': async (kit) => {
      const box = await kit.sleeper('box', '--network-alias', kit.name('alias'));
      const other = kit.peer;
      return [await kit.resolve(other, kit.name('alias').toUpperCase()), await kit.resolve(other, `${box}.`)];
    },

    'names: of addresses': async (kit) => {
      const box = await kit.sleeper('box', '--ip', kit.ip(6));
      const other = kit.peer;
      const { out } = await kit.inside(other, `nslookup ${kit.ip(6)}`);
      return { box, answer: out.split('\n').filter((line) => line.includes('name =')) };
    },

    'names: of addresses that nobody has': async (kit) => {
      const other = kit.peer;
      return kit.inside(other, `nslookup ${kit.ip(6)} | tail -n +4`);
    },

    'names: that there are not': async (kit) => {
      const other = kit.peer;
      return {
        short: await kit.resolve(other, 'nobody'),
        long: await kit.resolve(other, 'nobody.example'),
        asked: await kit.inside(other, 'nslookup nobody | tail -n +4'),
      };
    },

    'names: that have no IPv6': async (kit) => {
      const box = await kit.sleeper('box');
      return kit.inside(box, `nslookup -type=aaaa ${box} | tail -n +4`);
    },

    'names: of the outside by --dns': async (kit) => {
      const box = await kit.sleeper('box', '--dns', OUTSIDE);
      return [await kit.resolve(box, 'outside.example'), await kit.resolve(box, box)];
    },

    'names: by --dns-search': async (kit) => {
      const box = await kit.sleeper('box', '--dns-search', 'example');
      return [await kit.resolve(box, 'outside'), await kit.resolve(box, box)];
    },

    'names: one alias of two containers': async (kit) => {
      await kit.sleeper('one', '--network-alias', kit.name('pair'), '--ip', kit.ip(1));
      await kit.sleeper('two', '--network-alias', kit.name('pair'), '--ip', kit.ip(2));
      const other = kit.peer;
      const { out } = await kit.inside(other, `nslookup -type=a ${kit.name('pair')}`);
      return out.split('\n').slice(3).filter(Boolean).sort();
    },

    'names: of a container that has stopped': async (kit) => {
      const box = await kit.sleeper('box');
      const other = kit.peer;
      await kit.docker('kill', box);
      const stopped = await kit.resolve(other, box);
      await kit.docker('start', box);
      return { stopped, again: await kit.resolve(other, box) };
    },

    'names: of an address that another container gets': async (kit) => {
      await kit.sleeper('one', '--ip', kit.ip(1));
      await kit.docker('rm', '-f', kit.name('one'));
      await kit.sleeper('two', '--ip', kit.ip(1));
      const other = kit.peer;
      return {
        ...(await kit.inside(other, `nslookup ${kit.ip(1)} | grep name`)),
        reached: await kit.reaches(other, kit.ip(1)),
      };
    },
  },
);
