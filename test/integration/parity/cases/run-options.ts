import { cases } from '../case.js';
import { FIXED_MAC } from '../normalize.js';
import type { Kit } from '../kit.js';

const SHOW_HOSTS = 'cat /etc/hosts';
const SHOW_RESOLV = 'grep -v "^#" /etc/resolv.conf';

/** `resolv.conf`, its name servers apart from all else. */
function resolvConf(text: string) {
  const all = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const isServer = (line: string) => line.startsWith('nameserver ');
  return { nameservers: all.filter(isServer), others: all.filter((line) => !isServer(line)) };
}

async function resolvConfWith(kit: Kit, ...options: string[]) {
  const { code, out, err, warnings } = await kit.probe(options, SHOW_RESOLV);
  return { code, err, warnings, ...resolvConf(out) };
}

/** Each option of `docker run` that has to do with networks. */
export const RUN_OPTIONS = cases(
  { tags: ['run'] },
  {
    'run --network': async (kit) => {
      const box = await kit.sleeper('box');
      const { HostConfig, NetworkSettings } = await kit.inspect(box);
      return { mode: HostConfig['NetworkMode'], settings: NetworkSettings };
    },

    'run --net, the old name': async (kit) =>
      kit.probe(['--net', kit.network], 'ip -4 -o address show dev eth0'),

    'run without --network stays on the bridge': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      return (await kit.inspect(box)).NetworkSettings;
    },

    'run --network unknown': (kit) =>
      kit.fails('run', '--name', kit.name('x'), '--network', kit.name('no'), 'busybox'),

    'create --network unknown': async (kit) => {
      const made = await kit.any('create', '--name', kit.name('x'), '--network', kit.name('no'), 'busybox');
      return { made, start: await kit.any('start', kit.name('x')) };
    },

    'run --network by the id of the network': async (kit) => {
      const { out } = await kit.docker('network', 'inspect', '-f', '{{.Id}}', kit.network);
      const box = await kit.sleeper('box', '--network', out);
      const { HostConfig, NetworkSettings } = await kit.inspect(box);
      return { id: out, mode: HostConfig['NetworkMode'], networks: NetworkSettings.Networks };
    },

    'run --network-alias': async (kit) => {
      const box = await kit.sleeper(
        'box',
        '--network-alias',
        kit.name('one'),
        '--network-alias',
        kit.name('two'),
      );
      const other = kit.peer;
      return {
        aliases: (await kit.inspect(box)).NetworkSettings.Networks[kit.network]?.Aliases,
        one: await kit.resolve(other, kit.name('one')),
        two: await kit.resolve(other, kit.name('two')),
      };
    },

    'run --network-alias on the default bridge': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        'bridge',
        '--network-alias',
        'a',
        'busybox',
        'true',
      ),

    'run --ip': async (kit) => {
      const box = await kit.sleeper('box', '--ip', kit.ip(9));
      return {
        settings: (await kit.inspect(box)).NetworkSettings.Networks,
        shown: await kit.inside(box, 'ip -4 -o address show dev eth0'),
      };
    },

    'run --ip that is taken': async (kit) => {
      await kit.sleeper('box', '--ip', kit.ip(9));
      return kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--ip',
        kit.ip(9),
        'busybox',
        'true',
      );
    },

    'run --ip of another subnet': async (kit) => {
      const options = ['--network', kit.network, '--ip', '198.51.100.7'];
      const outcome = await kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
      return { outcome, left: await kit.leftovers() };
    },

    'run --ip of the gateway': async (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--ip',
        `${kit.kind.prefix}.0.1`,
        'busybox',
      ),

    'run --ip that is no address': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--ip',
        'nonsense',
        'busybox',
        'true',
      ),

    'run --ip on a network whose subnet Docker chose': async (kit) => {
      await kit.createNetwork('auto');
      const options = ['--network', kit.name('auto'), '--ip', '198.51.100.7'];
      return kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
    },

    'run --ip6 without IPv6': async (kit) => {
      const options = ['--network', kit.network, '--ip6', 'fd00::7'];
      return kit.any('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
    },

    'run --mac-address': async (kit) => {
      const box = kit.name('box');
      const options = ['--network', kit.network, '--mac-address', FIXED_MAC];
      const outcome = await kit.any('run', '-d', '--name', box, ...options, 'busybox', 'sleep', '1000');
      // A new client refuses it for an old engine.
      if (outcome.code !== 0) return outcome;
      const { NetworkSettings, Config } = await kit.inspect(box);
      return {
        config: Config['MacAddress'],
        mac: NetworkSettings.Networks[kit.network]?.MacAddress,
        shown: await kit.inside(box, 'cat /sys/class/net/eth0/address'),
      };
    },

    'run --mac-address that is none': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--mac-address',
        'zz',
        'busybox',
        'true',
      ),

    'run --link': async (kit) => {
      const box = await kit.sleeper('box');
      const other = await kit.sleeper('other', '--link', `${box}:db`, '--link', box);
      const third = kit.peer;
      const endpoint = (await kit.inspect(other)).NetworkSettings.Networks[kit.network];
      return {
        links: endpoint?.['Links'],
        db: await kit.resolve(other, 'db'),
        box: await kit.resolve(other, box),
        third: await kit.resolve(third, 'db'),
        env: await kit.inside(other, 'env | grep -i DB_'),
      };
    },

    // A container that names no network is not on Docker's default bridge, so it has none of these either.
    'what Docker has on its default bridge alone': async (kit) => {
      const box = await kit.sleeper('box');
      const other = await kit.sleeper('other', '--link', `${box}:db`);
      const { IPAddress, MacAddress } = (await kit.inspect(box)).NetworkSettings;
      const options = ['--network', 'bridge', '--link', `${box}:db`];
      return {
        besideNetworks: [IPAddress, MacAddress],
        linkFromBridge: await kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true'),
        unlink: await kit.fails('rm', '--link', `${other}/db`),
      };
    },

    'run --link to nobody': (kit) =>
      kit.any(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--link',
        'nobody:db',
        'busybox',
        'true',
      ),

    'run --link-local-ip': async (kit) => {
      const options = ['--network', kit.network, '--link-local-ip', '169.254.7.7'];
      const outcome = await kit.any(
        'run',
        '-d',
        '--name',
        kit.name('box'),
        ...options,
        'busybox',
        'sleep',
        '9',
      );
      if (outcome.code !== 0) return outcome;
      const box = await kit.inspect(kit.name('box'));
      const shown = await kit.inside(kit.name('box'), 'ip -4 -o address show dev eth0');
      return { outcome, networks: box.NetworkSettings.Networks, shown };
    },

    'run --hostname and --domainname': async (kit) => {
      const options = ['--hostname', 'strange', '--domainname', 'far.example'];
      return kit.probe(options, `hostname; hostname -f; cat /etc/hostname; ${SHOW_HOSTS}`);
    },

    'run, its hostname is its short id': async (kit) => {
      const box = await kit.sleeper('box');
      const { Id, Config } = await kit.inspect(box);
      return { Id, hostname: Config.Hostname, shown: await kit.inside(box, 'hostname; cat /etc/hostname') };
    },

    'run, its /etc/hosts': async (kit) => kit.probe(['--ip', kit.ip(5)], SHOW_HOSTS),

    'run, its /etc/resolv.conf': (kit) => resolvConfWith(kit),

    'run --dns': (kit) => resolvConfWith(kit, '--dns', '198.51.100.1', '--dns', '203.0.113.1'),

    'run --dns-search': (kit) =>
      resolvConfWith(kit, '--dns-search', 'far.example', '--dns-search', 'near.example'),

    'run --dns-search .': (kit) => resolvConfWith(kit, '--dns-search', '.'),

    'run --dns-option': (kit) => resolvConfWith(kit, '--dns-option', 'ndots:3', '--dns-option', 'timeout:2'),

    'run --dns that is no address': (kit) =>
      kit.fails(
        'run',
        '--name',
        kit.name('x'),
        '--network',
        kit.network,
        '--dns',
        'nonsense',
        'busybox',
        'true',
      ),

    'run --add-host': async (kit) => {
      const options = ['--add-host', 'far:198.51.100.7', '--add-host', 'gate:host-gateway'];
      const box = await kit.sleeper('box', ...options);
      return {
        hosts: await kit.inside(box, SHOW_HOSTS),
        far: await kit.resolve(box, 'far'),
        gate: await kit.resolve(box, 'gate'),
        reached: await kit.reaches(box, 'gate'),
      };
    },

    'run --sysctl of eth0': (kit) =>
      kit.probe(['--sysctl', 'net.ipv4.ip_forward=0'], 'cat /proc/sys/net/ipv4/ip_forward'),

    'run --sysctl net.ipv4.conf.eth0': async (kit) => {
      const options = ['--network', kit.network, '--sysctl', 'net.ipv4.conf.eth0.rp_filter=2'];
      const command = ['busybox', 'cat', '/proc/sys/net/ipv4/conf/eth0/rp_filter'];
      const started = await kit.any('run', '-d', '--name', kit.name('box'), ...options, ...command);
      return { started, end: started.code === 0 && (await kit.end(kit.name('box'))) };
    },

    'run --cap-drop NET_RAW': async (kit) => {
      const to = await kit.address(await kit.sleeper('to'));
      await kit.serve(kit.name('to'));
      const script = `ping -c 1 -W 5 ${to} >/dev/null 2>&1; echo $?; wget -q -O - http://${to}/; grep Cap /proc/self/status`;
      return kit.probe(['--cap-drop', 'NET_RAW', '--sysctl', 'net.ipv4.ping_group_range=1 0'], script);
    },

    'run --cap-add NET_ADMIN': (kit) =>
      kit.probe(['--cap-add', 'NET_ADMIN'], 'ip link set eth0 mtu 1000 && cat /sys/class/net/eth0/mtu'),

    'run without NET_ADMIN': (kit) =>
      kit.probe([], 'ip link set eth0 mtu 1000 2>&1; cat /sys/class/net/eth0/operstate'),

    'run --privileged': async (kit) => {
      const script = 'ip -4 -o address show dev eth0; ip route; ls /sys/class/net';
      const common = ['--name', kit.name('box'), '--network', kit.network, '--privileged'];
      const outcome = await kit.any('run', '-d', ...common, 'busybox', 'sh', '-c', script);
      // Where the tests' own machine is a container, there may be none such.
      return outcome.code === 0 ? kit.end(kit.name('box')) : outcome;
    },

    'run --init': (kit) =>
      kit.probe(['--init'], 'cat /proc/1/comm; ip -4 -o address show dev eth0; ip route'),

    'run --read-only': (kit) =>
      kit.probe(
        ['--read-only'],
        `touch /x; ip route; ${SHOW_HOSTS} | grep eth; ${SHOW_HOSTS} | wc -l; echo >>/etc/hosts`,
      ),

    'run -u nobody': (kit) => kit.probe(['-u', '65534'], 'id -u; ip -4 -o address show dev eth0; ip route'),

    'run --network none, host and container are as ever': async (kit) => {
      const box = await kit.sleeper('box', '--hostname', 'shared');
      const none = await kit.probe(['--network', 'none'], 'ip -o link | cut -d: -f2; ip route', 'none');
      const host = await kit.probe(['--network', 'host'], 'hostname; ls /sys/class/net | grep -c .', 'host');
      const joined = await kit.sleeper('joined', '--network', `container:${box}`);
      return {
        none,
        host: { ...host, out: host.out.split('\n')[0] },
        joined: (await kit.inspect(joined)).NetworkSettings,
        mode: (await kit.inspect(joined)).HostConfig['NetworkMode'],
        inside: await kit.inside(joined, 'hostname; ip -4 -o address show dev eth0'),
      };
    },

    'run --network container of one that does not run': async (kit) => {
      await kit.docker('create', '--name', kit.name('off'), '--network', kit.network, 'busybox');
      const network = `container:${kit.name('off')}`;
      return kit.fails('run', '--name', kit.name('x'), '--network', network, 'busybox', 'true');
    },

    'run -p beside --network container': async (kit) => {
      const box = await kit.sleeper('box');
      const options = ['--network', `container:${box}`, '-p', `${kit.port(0)}:80`];
      return kit.fails('run', '--name', kit.name('x'), ...options, 'busybox', 'true');
    },

    'run --network with name, alias and ip': async (kit) => {
      const form = `name=${kit.network},alias=${kit.name('one')},alias=${kit.name('two')},ip=${kit.ip(9)}`;
      const box = await kit.sleeper('box', '--network', form);
      const other = kit.peer;
      return {
        networks: (await kit.inspect(box)).NetworkSettings.Networks,
        two: await kit.resolve(other, kit.name('two')),
      };
    },

    'run --network with driver-opt': async (kit) => {
      const form = `name=${kit.network},driver-opt=any.thing=1`;
      return kit.any('run', '--name', kit.name('x'), '--network', form, 'busybox', 'true');
    },

    'run with several --network': {
      run: async (kit) => {
        const second = await kit.ownNetwork('second');
        const networks = ['--network', kit.network, '--network', `name=${second},alias=two`];
        const outcome = await kit.any(
          'run',
          '-d',
          '--name',
          kit.name('box'),
          ...networks,
          'busybox',
          'sleep',
          '9',
        );
        // An old engine refuses them, in any order.
        if (outcome.code !== 0) return { ...outcome, err: outcome.err.split(/[\s,]+/).sort() };
        const { Networks } = (await kit.inspect(kit.name('box'))).NetworkSettings;
        const shown = await kit.inside(
          kit.name('box'),
          'ip -4 -o address | cut -d" " -f2-7 | sort; ip route | sort',
        );
        return { Networks, shown };
      },
    },

    'an image with a label of ours': async (kit) => {
      await kit.docker('create', '--name', kit.name('x'), '--network', kit.network, 'labelled', 'sleep', '9');
      await kit.docker('start', kit.name('x'));
      const { NetworkSettings, HostConfig } = await kit.inspect(kit.name('x'));
      return { networks: NetworkSettings.Networks, mode: HostConfig['NetworkMode'] };
    },
  },
);
