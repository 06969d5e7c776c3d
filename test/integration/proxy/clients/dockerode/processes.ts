import { once } from 'node:events';
import type Docker from 'dockerode';
import { demuxed, text, upTo } from '../streams.js';
import { BOX, create, refused, type Table } from './table.js';

const SPEAKS = ['sh', '-c', 'echo out; echo err >&2; exit 7'];
const LARGE = 'line\n'.repeat(200_000);

async function exec(
  docker: Docker,
  options: Docker.ExecCreateOptions,
  start: Docker.ExecStartOptions,
): Promise<[Docker.Exec, NodeJS.ReadWriteStream]> {
  const made = await docker
    .getContainer(BOX)
    .exec({ AttachStdout: true, AttachStderr: true, AttachStdin: start.stdin, ...options });
  return [made, await made.start(start)];
}

async function ended(made: Docker.Exec): Promise<unknown> {
  const { Running, ExitCode, ProcessConfig } = await made.inspect();
  return { Running, ExitCode, ProcessConfig };
}

/** Exec and attach: streams both ways. */
export const processes: Table = {
  exec: async (docker) => {
    const [made, stream] = await exec(docker, { Cmd: SPEAKS }, {});
    return [await demuxed(docker, stream), await ended(made)];
  },
  'exec, hijacked': async (docker) => {
    const [made, stream] = await exec(docker, { Cmd: SPEAKS }, { hijack: true });
    return [await demuxed(docker, stream), await ended(made)];
  },
  'exec with input, in the old way': async (docker) => {
    const [made, stream] = await exec(docker, { Cmd: ['head', '-n', '1'] }, { stdin: true });
    stream.write('a line\n');
    return [await demuxed(docker, stream), await ended(made)];
  },
  'exec that gives back its input': async (docker) => {
    const [made, stream] = await exec(docker, { Cmd: ['cat'] }, { hijack: true, stdin: true });
    stream.end(LARGE);
    const { out, err } = await demuxed(docker, stream);
    return [out === LARGE, out.length, err, await ended(made)];
  },
  'exec on a terminal, resized': async (docker) => {
    const [made, stream] = await exec(
      docker,
      { Cmd: ['sh', '-c', 'stty size; read x; stty size; echo "<$x>"; exit 3'], Tty: true },
      { hijack: true, stdin: true, Tty: true },
    );
    await upTo(stream, '\n');
    await made.resize({ h: 33, w: 111 });
    stream.write('typed\n');
    return [await text(stream), await ended(made)];
  },
  'exec, detached': async (docker) => {
    const made = await docker.getContainer(BOX).exec({ Cmd: ['true'] });
    return text(await made.start({ Detach: true }));
  },
  'exec, refused': async (docker) => [
    await refused(docker.getExec('nothing').start({})),
    await refused(docker.getExec('nothing').start({ hijack: true, stdin: true })),
    await refused(docker.getExec('nothing').start({ Detach: true })),
    await refused(docker.getExec('nothing').inspect()),
    await refused(docker.getExec('nothing').resize({ h: 1, w: 1 })),
    await refused(docker.getContainer(BOX).exec({ Cmd: [] })),
  ],
  'exec of a command that is not there': async (docker) => {
    const [made, stream] = await exec(docker, { Cmd: ['/no/such'] }, { hijack: true });
    const said = await text(stream);
    return [said.slice(said.indexOf('OCI')), await ended(made)];
  },
  attach: async (docker) => {
    const results: unknown[] = [];
    for (const hijack of [true, false]) {
      const container = await create(docker, SPEAKS);
      const stream = await container.attach({ stream: true, stdout: true, stderr: true, hijack });
      const output = demuxed(docker, stream);
      await container.start();
      results.push(await output, (await container.wait()) as unknown);
      await container.remove();
    }
    return results;
  },
  'attach with input that ends': async (docker) => {
    const container = await create(docker, ['md5sum'], { OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    const output = demuxed(docker, stream);
    await container.start();
    stream.end(LARGE);
    return [await output, (await container.wait()) as unknown];
  },
  'attach to a terminal': async (docker) => {
    const container = await create(docker, ['sh', '-c', 'read x; stty size; echo "<$x>"'], {
      OpenStdin: true,
      Tty: true,
    });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
    await container.start();
    await container.resize({ h: 20, w: 60 });
    stream.write('typed\n');
    return text(stream);
  },
  'attach to what ran before': async (docker) => {
    const container = await create(docker, SPEAKS);
    await container.start();
    await container.wait();
    const stream = await container.attach({ logs: true, stream: false, stdout: true, stderr: true });
    return demuxed(docker, stream);
  },
  'attach that is left with the keys for it': async (docker) => {
    const container = await create(docker, ['cat'], { OpenStdin: true, Tty: true });
    await container.start();
    const stream = await container.attach({ stream: true, stdin: true, hijack: true, detachKeys: 'ctrl-x' });
    stream.resume();
    stream.write('\x18');
    await once(stream, 'end');
    return (await container.inspect()).State.Running;
  },
};
