import { Readable } from 'node:stream';
import { demuxed, documents, leave, text, upTo } from '../streams.js';
import { BOX, create, NO_NETWORK, running, type Table } from './table.js';

const PRINTS = ['sh', '-c', 'echo one; echo two; echo three >&2'];

/** What tells of a container, once or as it happens. */
export const watching: Table = {
  'list, inspect, top, changes': async (docker) => {
    const box = docker.getContainer(BOX);
    const { Titles, Processes } = (await box.top({ ps_args: '-o pid,args' })) as {
      Titles: string[];
      Processes: string[][];
    };
    return [
      await docker.listContainers(),
      await box.inspect(),
      Titles,
      Processes,
      (await box.changes()) as unknown,
    ];
  },
  logs: async (docker) => {
    const container = await create(docker, PRINTS);
    await container.start();
    await container.wait();
    const whole = (options: object) => container.logs({ ...options, follow: false });
    return [
      (await whole({ stdout: true })).toString('latin1'),
      (await whole({ stdout: true, tail: 0 })).toString('latin1'),
      (await whole({ stderr: true, timestamps: true })).toString('latin1').slice(8),
      await demuxed(docker, Readable.from([await whole({ stdout: true, stderr: true })])),
      await demuxed(docker, await container.logs({ stdout: true, stderr: true, follow: true })),
    ];
  },
  'logs, followed while they come': async (docker) => {
    const container = await create(docker, ['sh', '-c', 'read x; echo "<$x>"; read x; echo "<$x>"'], {
      OpenStdin: true,
      Tty: true,
    });
    const stdin = await container.attach({ stream: true, stdin: true, hijack: true });
    await container.start();
    const logs = await container.logs({ stdout: true, follow: true });
    stdin.write('a\n');
    const first = await upTo(logs, '<a>\r\n');
    stdin.write('b\n');
    return first + (await text(logs));
  },
  stats: async (docker) => {
    const once = await docker.getContainer(BOX).stats({ stream: false, 'one-shot': true });
    const stream = await docker.getContainer(BOX).stats({ stream: true });
    const first = await upTo(stream, '\n');
    leave(stream);
    return [Object.keys(once).sort(), Object.keys(documents(first)[0] as object).sort()];
  },
  'events, as they happen and afterwards': async (docker) => {
    const since = Math.floor(Date.now() / 1000) - 1;
    const label = { label: [`run=${since}-${Math.random()}`] };
    const [name, value] = label.label[0]!.split('=') as [string, string];
    const live = await docker.getEvents({ filters: label });
    const seen = upTo(live, '"Action":"destroy"');
    const container = await create(docker, ['true'], { Labels: { [name]: value } });
    await container.start();
    await container.wait();
    await container.remove();
    const actions = (lines: string) => documents(lines).map((event) => (event as { Action: string }).Action);
    const happened = actions(await seen);
    leave(live);
    // The last event may be younger than the millisecond that the clock shows.
    const until = (Date.now() + 10) / 1000;
    return [happened, actions(await text(await docker.getEvents({ since, until, filters: label })))];
  },
  'wait for the next exit, and for removal': async (docker) => {
    const container = await create(docker, ['sh', '-c', 'exit 5'], {
      HostConfig: { ...NO_NETWORK, AutoRemove: true },
    });
    // Headers come at once, the body at the end.
    const waits = [container.wait({ condition: 'next-exit' }), container.wait({ condition: 'removed' })];
    await container.start();
    return Promise.all(waits);
  },
  'wait for what runs': async (docker) => {
    const container = await running(docker);
    const waits = [container.wait(), container.wait({ condition: 'not-running' })];
    await container.kill();
    return Promise.all(waits);
  },
  'putArchive, getArchive, infoArchive': async (docker) => {
    const container = await create(docker, ['true']);
    const from = docker.getContainer(BOX);
    const tar = await text(await from.getArchive({ path: '/etc/passwd' }));
    const put = await container.putArchive(Buffer.from(tar), { path: '/tmp' });
    const back = await text(await container.getArchive({ path: '/tmp/passwd' }));
    const streamed = await container.putArchive(await from.getArchive({ path: '/bin/busybox' }), {
      path: '/tmp',
    });
    const large = await text(await container.getArchive({ path: '/tmp/busybox' }));
    const info = (await container.infoArchive({ path: '/tmp/passwd' })) as unknown as {
      statusCode: number;
      headers: Record<string, string>;
    };
    const stat = Buffer.from(info.headers['x-docker-container-path-stat'] ?? '', 'base64').toString();
    return [await text(put), await text(streamed), tar === back, back, large.length, info.statusCode, stat];
  },
  export: async (docker) => {
    const container = await create(docker, ['true']);
    const tar = await text(await container.export());
    return [tar.length > 1_000_000, tar.includes('etc/passwd')];
  },
};
