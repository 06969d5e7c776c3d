import type { Readable } from 'node:stream';
import { cases } from '../case.js';
import type { Inspection, Kit } from '../kit.js';

const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

const addressOf = ({ NetworkSettings }: Inspection, kit: Kit) =>
  NetworkSettings.Networks[kit.network]?.IPAddress ?? '';

/** Whether an address is one of the network's, whichever. */
const isValid = (address: string, kit: Kit) =>
  ADDRESS.test(address) && address.startsWith(`${kit.kind.prefix}.`);

/** Things that are done many times, or at once. */
export const MANY = cases(
  { tags: ['many'] },
  {
    'whoever inspects at the start event finds the address, 20 times': {
      client: 'dockerode',
      run: async (kit) => {
        const docker = kit.dockerode();
        const filters = { type: ['container' as const], event: ['start'] };
        const stream = await docker.getEvents({ filters });
        const seen = new Map<string, Promise<string>>();
        let rest = '';
        stream.on('data', (chunk: Buffer) => {
          const lines = `${rest}${chunk.toString()}`.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines.filter(Boolean)) {
            const { Actor } = JSON.parse(line) as { Actor: { ID: string; Attributes: { name: string } } };
            if (!Actor.Attributes.name.startsWith(kit.name('box'))) continue;
            const look = kit.inspect(Actor.ID).then((found) => addressOf(found, kit));
            seen.set(Actor.Attributes.name, look.catch(String));
          }
        });
        try {
          for (const index of range(20)) {
            const box = await kit.sleeper(`box${index}`);
            await kit.waitFor('the event', async () => seen.has(box));
            await seen.get(box);
            await kit.api('DELETE', `/containers/${box}?force=1`);
          }
          return (await Promise.all(seen.values())).map((address) => isValid(address, kit) || address);
        } finally {
          (stream as Readable).destroy();
        }
      },
    },

    '20 containers at once, started and removed': async (kit) => {
      const name = await kit.ownNetwork('own');
      const boxes = range(20).map((index) => kit.name(`box${index}`));
      await Promise.all(range(20).map((index) => kit.sleeper(`box${index}`, '--network', name)));
      const found = await Promise.all(boxes.map((box) => kit.address(box, name)));
      for (const index of [0, 7, 19]) await kit.reaches(boxes[index]!, found[(index + 1) % 20]!);
      const listed = async () => {
        const { json } = await kit.api('GET', `/networks/${name}`);
        return Object.values((json as { Containers: Record<string, { Name: string }> }).Containers).length;
      };
      const before = await listed();
      await Promise.all(boxes.map((box) => kit.api('DELETE', `/containers/${box}?force=1`)));
      return {
        addresses: found.sort((a, b) => Number(a.split('.')[3]) - Number(b.split('.')[3])),
        before,
        after: await listed(),
        left: await kit.leftovers(),
        rm: await kit.docker('network', 'rm', name),
      };
    },

    'restart 10 times': async (kit) => {
      const box = await kit.sleeper('box');
      const next = await kit.sleeper('next', '--ip', kit.ip(200));
      const found = [];
      for (const _ of range(10)) {
        await kit.docker('restart', box);
        const address = addressOf(await kit.inspect(box), kit);
        const { out } = await kit.inside(box, "ip -4 -o address show dev eth0 | awk '{ print $4 }'");
        found.push(isValid(address, kit) && out === `${address}/16`);
      }
      return { found, reached: await kit.reaches(box, next) };
    },

    'run --rm 10 times leaves nothing': async (kit) => {
      const name = await kit.ownNetwork('own', 0);
      const said = [];
      for (const _ of range(10)) {
        const run = ['run', '-d', '--rm', '--name', kit.name('box'), '--network', name, 'busybox'];
        said.push((await kit.docker(...run, 'ip', 'route')).code);
        await kit.waitFor('its removal', async () => (await kit.leftovers()).length === 0);
      }
      const { json } = await kit.api('GET', `/networks/${name}`);
      const { Containers } = json as { Containers: object };
      return { said, Containers, rm: await kit.docker('network', 'rm', name) };
    },

    'connect and disconnect 5 times': async (kit) => {
      const box = await kit.sleeper('box', '--network', 'bridge');
      for (const _ of range(5)) {
        await kit.docker('network', 'connect', '--ip', kit.ip(1), kit.network, box);
        await kit.docker('network', 'disconnect', kit.network, box);
      }
      return (await kit.inside(box, 'ls /sys/class/net; ip route | wc -l')).out;
    },

    'create and remove a network 5 times': async (kit) => {
      const said = [];
      for (const _ of range(5)) {
        const name = await kit.ownNetwork('own');
        said.push((await kit.docker('network', 'rm', name)).out);
      }
      return said;
    },

    'starts of one container by several at once': async (kit) => {
      const box = kit.name('box');
      await kit.docker(
        'create',
        '--name',
        box,
        '--network',
        kit.network,
        '--stop-signal',
        'KILL',
        'busybox',
        'sleep',
        '99',
      );
      const codes = await Promise.all(
        range(5).map(async () => (await kit.api('POST', `/containers/${box}/start`)).status),
      );
      const { out } = await kit.inside(box, 'ls /sys/class/net');
      // Who comes while the first one starts it gets either: Docker looks at its state before and after it has the lock.
      const started = codes.includes(204) && codes.every((code) => [204, 304].includes(code));
      return { started, out, valid: isValid(await kit.address(box), kit) };
    },
  },
);
