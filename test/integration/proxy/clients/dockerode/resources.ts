import { create, refused, type Table } from './table.js';

/** Volumes, networks, and the daemon itself. */
export const resources: Table = {
  'a volume': async (docker) => {
    await docker.createVolume({ Name: 'parity', Labels: { a: 'b' } });
    const volume = docker.getVolume('parity');
    return [
      await volume.inspect(),
      await docker.listVolumes({ filters: { label: ['a=b'] } }),
      String(await volume.remove()),
      await refused(volume.inspect()),
      await docker.pruneVolumes({ filters: { label: ['nobody=has-it'] } }),
    ];
  },
  'a network': async (docker) => {
    const subnet = { Subnet: '10.199.0.0/24' };
    const network = await docker.createNetwork({
      Name: 'parity',
      IPAM: { Driver: 'default', Config: [subnet] },
    });
    const container = await create(docker, ['true'], { HostConfig: {} });
    await network.connect({ Container: 'one', EndpointConfig: { Aliases: ['alias'] } });
    const { NetworkSettings } = await container.inspect();
    await network.disconnect({ Container: 'one', Force: true });
    const seen = [
      NetworkSettings.Networks,
      (await network.inspect()) as unknown,
      await docker.listNetworks({ filters: { name: ['parity'] } }),
      await refused(docker.createNetwork({ Name: 'other', IPAM: { Driver: 'default', Config: [subnet] } })),
    ];
    await network.remove();
    return [...seen, await refused(network.inspect()), await docker.pruneNetworks()];
  },
  'published ports': async (docker) => {
    const ports = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] };
    const container = await create(docker, ['sleep', '1000'], {
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: ports },
    });
    await container.start();
    return (await container.inspect()).NetworkSettings.Ports;
  },
  'the daemon': async (docker) => {
    const info = (await docker.info()) as object;
    return [String(await docker.ping()), await docker.version(), Object.keys(info)];
  },
  'swarm, that is not there': async (docker) => [
    await refused(docker.swarmInspect()),
    await refused(docker.listServices()),
    await refused(docker.createSecret({ Name: 'x', Data: '' })),
    await refused(docker.checkAuth({ username: 'u', password: 'p', serveraddress: '127.0.0.1:1' })),
  ],
};
