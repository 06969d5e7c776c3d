import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cases } from '../case.js';
import type { Kit } from '../kit.js';

const SCRIPT = join(import.meta.dirname, 'clients.py');

/** One flow of the script for docker-py. */
async function python(kit: Kit, flow: string): Promise<unknown> {
  const script = await kit.file('clients.py', await readFile(SCRIPT, 'utf8'));
  const about = [kit.network, kit.kind.driver, kit.name(''), kit.ip(4), kit.subnet()];
  const { code, out, err } = await kit.host(['/usr/bin/python3', script, flow, kit.dockerHost, ...about]);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as unknown;
}

/** What a call of dockerode's fails with. */
const refusal = (step: Promise<unknown>): Promise<unknown> =>
  step.then(
    () => 'no error',
    (error: { statusCode?: number; json?: unknown }) => [error.statusCode, error.json],
  );

/** Flows of programs that use Docker through a library. */
export const CLIENTS = [
  ...cases(
    {
      tags: ['client'],
      client: 'docker-py',
      unless: ({ dockerPy }) => !dockerPy && 'no python3-docker on this machine',
    },
    {
      'create, start, inspect, stop, remove': (kit) => python(kit, 'lifecycle'),
      'networks: create, connect, disconnect, remove': (kit) => python(kit, 'networks'),
      'a fixed address, and one that is taken': (kit) => python(kit, 'fixed'),
    },
  ),
  ...cases(
    { tags: ['client'], client: 'dockerode' },
    {
      'create, start, inspect, restart, remove': async (kit) => {
        const docker = kit.dockerode();
        const box = await docker.createContainer({
          name: kit.name('box'),
          Image: 'busybox',
          Cmd: ['sleep', '1000'],
          StopSignal: 'KILL',
          HostConfig: { NetworkMode: kit.network },
          NetworkingConfig: {
            EndpointsConfig: { [kit.network]: { IPAMConfig: { IPv4Address: kit.ip(1) } } },
          },
        });
        const look = async () => (await box.inspect()).NetworkSettings.Networks;
        const created = await look();
        await box.start();
        const started = await look();
        const twice = await refusal(box.start());
        await box.restart();
        const restarted = await look();
        await box.stop();
        const stopped = await look();
        await box.remove();
        return { created, started, twice, restarted, stopped, gone: await refusal(box.inspect()) };
      },

      'networks: create, connect, disconnect, remove': async (kit) => {
        const docker = kit.dockerode();
        const name = kit.name('net');
        const network = await docker.createNetwork({
          Name: name,
          Driver: kit.kind.driver,
          IPAM: { Driver: 'default', Config: [{ Subnet: kit.subnet(), Gateway: kit.own(1) }] },
          Labels: { a: 'b' },
        });
        const box = await kit.sleeper('box');
        const EndpointConfig = { Aliases: ['one'], IPAMConfig: { IPv4Address: kit.own(9) } };
        await network.connect({ Container: box, EndpointConfig });
        const connected = (await kit.inspect(box)).NetworkSettings.Networks[name];
        const shown = (await network.inspect()) as unknown;
        const busy = await refusal(network.remove());
        await network.disconnect({ Container: box });
        const again = await refusal(network.disconnect({ Container: box }));
        await network.remove();
        return { connected, shown, busy, again, gone: await refusal(network.inspect()) };
      },

      'what cannot be created': async (kit) => {
        const docker = kit.dockerode();
        const create = (HostConfig: object, EndpointsConfig: object = {}) =>
          refusal(
            docker
              .createContainer({
                name: kit.name('x'),
                Image: 'busybox',
                HostConfig,
                NetworkingConfig: { EndpointsConfig: EndpointsConfig as Record<string, never> },
              })
              .then(async (made) => {
                try {
                  await made.start();
                } finally {
                  await made.remove({ force: true });
                }
              }),
          );
        return [
          await create({ NetworkMode: kit.name('no') }),
          await create(
            { NetworkMode: kit.network },
            { [kit.network]: { IPAMConfig: { IPv4Address: '198.51.100.1' } } },
          ),
          await create(
            { NetworkMode: kit.network },
            { [kit.network]: { IPAMConfig: { IPv4Address: 'nonsense' } } },
          ),
          await create({ NetworkMode: 'bridge' }, { bridge: { Aliases: ['one'] } }),
        ];
      },
    },
  ),
];
