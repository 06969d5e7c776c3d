import { create, refused, running, type Table } from './table.js';

/** The life of a container. */
export const containers: Table = {
  'create, inspect, list, remove': async (docker) => {
    const container = await create(docker, ['true'], {
      Labels: { 'ünï.cödé': '✓', empty: '' },
      Env: ['A=b=c'],
      ExposedPorts: { '80/tcp': {} },
    });
    return [
      await container.inspect(),
      await docker.listContainers({ all: true, filters: { name: ['one'] } }),
      String(await container.remove()),
      await docker.listContainers({ all: true, filters: { name: ['one'] } }),
    ];
  },
  'create, refused': async (docker) => {
    await create(docker, ['true']);
    return [
      await refused(create(docker, ['true'])),
      await refused(create(docker, ['true'], { name: 'other', Image: 'no/such:image' })),
      await refused(create(docker, ['true'], { name: 'b/ad' })),
    ];
  },
  'start, start again, stop': async (docker) => {
    const container = await create(docker, ['sleep', '1000']);
    return [
      String(await container.start()),
      await refused(container.start()),
      String(await container.stop({ t: 0 })),
      await refused(container.stop()),
      (await container.inspect()).State.ExitCode,
    ];
  },
  'start, refused': async (docker) => {
    const container = await create(docker, ['/no/such/command']);
    return [await refused(container.start()), (await container.inspect()).State];
  },
  restart: async (docker) => {
    const container = await running(docker);
    const before = (await container.inspect()).State.StartedAt;
    await container.restart({ t: 0 });
    return (await container.inspect()).State.StartedAt === before;
  },
  'pause, unpause, kill': async (docker) => {
    const container = await running(docker);
    await container.pause();
    const paused = (await container.inspect()).State.Status;
    const again = await refused(container.pause());
    await container.unpause();
    await container.kill({ signal: 'SIGKILL' });
    await container.wait();
    return [paused, again, (await container.inspect()).State.ExitCode, await refused(container.kill())];
  },
  'rename, update': async (docker) => {
    const container = await create(docker, ['true']);
    await container.rename({ name: 'two' });
    const updated: unknown = await container.update({ Memory: 64 << 20, MemorySwap: -1 });
    const { Name, HostConfig } = await container.inspect();
    return [Name, updated, HostConfig.Memory, HostConfig.MemorySwap];
  },
  'commit, and run what came of it': async (docker) => {
    const container = await create(docker, ['sh', '-c', 'echo kept > /kept']);
    await container.start();
    await container.wait();
    const changes: unknown = await container.changes();
    await container.commit({ repo: 'parity', tag: 'committed', comment: 'a comment', changes: 'ENV X=y' });
    const image = docker.getImage('parity:committed');
    const { Config, Comment } = await image.inspect();
    await image.remove();
    return [changes, Config, Comment];
  },
  prune: async (docker) => {
    await create(docker, ['true'], { Labels: { prune: 'me' } });
    const pruned = await docker.pruneContainers({ filters: { label: ['prune=me'] } });
    return [pruned.ContainersDeleted?.length, pruned.SpaceReclaimed];
  },
  'a container that is not there': async (docker) => {
    const nobody = docker.getContainer('nobody');
    return [
      await refused(nobody.inspect()),
      await refused(nobody.start()),
      await refused(nobody.remove()),
      await refused(nobody.top()),
      await refused(nobody.logs({ stdout: true })),
      await refused(nobody.logs({ stdout: true, follow: true })),
      await refused(nobody.wait()),
      await refused(nobody.stats()),
      await refused(nobody.getArchive({ path: '/' })),
      await refused(nobody.putArchive(Buffer.alloc(1024), { path: '/' })),
      await refused(nobody.export()),
      await refused(nobody.attach({ stream: true, hijack: true, stdin: true })),
      await refused(nobody.attach({ stream: true })),
      await refused(nobody.exec({ Cmd: ['true'] })),
    ];
  },
};
