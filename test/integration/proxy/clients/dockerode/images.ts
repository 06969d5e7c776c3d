import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { documents, text } from '../streams.js';
import { create, refused, type Table } from './table.js';

// One write, which Docker cannot tell in two messages.
const DOCKERFILE = 'FROM busybox\nLABEL parity=yes\nCOPY data /data\nRUN echo building $(wc -c </data)\n';
const DATA = 'x'.repeat(3 << 20);

/** Builds with a context that dockerode packs and streams, and gives what Docker said. */
async function build(
  docker: Docker,
  files: Record<string, string>,
  options: Docker.ImageBuildOptions,
): Promise<unknown[]> {
  const context = await mkdtemp(join(tmpdir(), 'parity-context-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(context, name), content);
    const stream = await docker.buildImage(
      { context, src: Object.keys(files) },
      { t: 'parity:built', networkmode: 'none', nocache: true, ...options },
    );
    return documents(await text(stream));
  } finally {
    await rm(context, { recursive: true });
  }
}

async function builtImage(docker: Docker): Promise<unknown> {
  const image = docker.getImage('parity:built');
  const { Config, RootFS } = await image.inspect();
  await image.remove();
  return [Config.Labels, RootFS.Layers?.length];
}

/** Images: built, loaded, saved, and what there is to know of them. */
export const images: Table = {
  'build, classic': async (docker) => [
    await build(docker, { Dockerfile: DOCKERFILE, data: DATA }, {}),
    await builtImage(docker),
  ],
  'build, classic, that fails': async (docker) => [
    await build(docker, { Dockerfile: 'FROM busybox\nRUN exit 9\n' }, {}),
    await refused(build(docker, { Dockerfile: 'NONSENSE\n' }, {})),
  ],
  'build with BuildKit': async (docker) => {
    const said = await build(docker, { Dockerfile: DOCKERFILE, data: DATA }, { version: '2' });
    return [said.some((line) => 'error' in (line as object)), await builtImage(docker)];
  },
  'build with BuildKit that fails': async (docker) => {
    const said = await build(docker, { Dockerfile: 'FROM busybox\nRUN exit 9\n' }, { version: '2' });
    return said.filter((line) => 'error' in (line as object));
  },
  'tag, history, inspect, list, remove': async (docker) => {
    const image = docker.getImage('busybox:latest');
    const tagged: unknown = await image.tag({ repo: 'parity/some.repo', tag: 'v1' });
    const again = docker.getImage('parity/some.repo:v1');
    return [
      String(tagged),
      (await image.history()) as unknown,
      await again.inspect(),
      await docker.listImages({ filters: { reference: ['parity/*'] } }),
      (await again.remove()) as unknown,
      await refused(again.inspect()),
      await refused(again.history()),
      await refused(again.remove()),
      await refused(image.tag({ repo: 'NOT VALID', tag: 'x' })),
    ];
  },
  'pull and push, refused': async (docker) => [
    await refused(docker.pull('127.0.0.1:1/nothing:here')),
    await text(
      await docker.getImage('127.0.0.1:1/nobody').push({ authconfig: { username: 'u', password: 'p' } }),
    ),
  ],
  'save, load': async (docker) => {
    const tar = await docker.getImage('busybox:latest').get();
    const said = documents(await text(await docker.loadImage(tar)));
    return [said, await refused(docker.getImage('nobody').get())];
  },
  'load, nonsense': async (docker) => text(await docker.loadImage(Buffer.from('x') as never)).catch(String),
  'export, import': async (docker) => {
    const container = await create(docker, ['true']);
    const tar = await container.export();
    const said = documents(await text(await docker.importImage(tar, { repo: 'parity:imported' })));
    const image = docker.getImage('parity:imported');
    const { RootFS } = await image.inspect();
    await image.remove();
    return [said.length, RootFS.Layers?.length];
  },
  prune: async (docker) => docker.pruneImages({ filters: { label: ['nobody=has-it'] } }),
};
