import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import type Docker from 'dockerode';
import WebSocket from 'ws';
import { START_MS } from '../../../lab/lab.js';
import { until } from '../../../support/until.js';
import { create } from './dockerode/table.js';
import { text } from './streams.js';
import { useDockerode, useWays, type Way } from './ways.js';

describe('attach by WebSocket through the proxy', function () {
  this.timeout(START_MS);
  const { host, same } = useWays();
  const docker = useDockerode(host);

  function attach(way: Way, container: string) {
    const path = `/containers/${container}/attach/ws?stream=1&stdin=1&stdout=1`;
    const socket = new WebSocket(`ws+unix:${host().file(way.path)}:${path}`, { origin: 'http://docker' });
    const received: Buffer[] = [];
    const kinds = new Set<string>();
    socket.on('message', (data: Buffer, isBinary) => {
      received.push(data);
      kinds.add(isBinary ? 'binary' : 'text');
    });
    return {
      socket,
      closed: once(socket, 'close'),
      kinds: () => [...kinds],
      bytes: () => Buffer.concat(received),
    };
  }

  async function within<T>(
    way: Way,
    options: Partial<Docker.ContainerCreateOptions> & { Cmd: string[] },
    work: (container: Docker.Container) => Promise<T>,
  ): Promise<T> {
    const container = await create(docker(way), options.Cmd, { OpenStdin: true, ...options });
    try {
      return await work(container);
    } finally {
      await container.remove({ force: true });
    }
  }

  it('takes text, gives text, and is closed by the container', async () => {
    const script = 'read x; echo "<$x>"; read x; echo "<$x>"';
    const { output } = await same((way) =>
      within(way, { Cmd: ['sh', '-c', script], Tty: true }, async (container) => {
        const { socket, closed, kinds, bytes } = attach(way, container.id);
        await once(socket, 'open');
        await container.start();
        socket.send('öne\n');
        await until('the first answer', async () => bytes().includes('<öne>'));
        socket.send('two\n');
        const [code, reason] = (await closed) as [number, Buffer];
        return { output: bytes().toString(), kinds: kinds(), code, reason: reason.toString() };
      }),
    );
    expect(output).to.include('<öne>').and.include('<two>');
  });

  it('carries any bytes, and is closed by the client, which ends the input', async () => {
    const sent = Buffer.from(Array.from({ length: 1 << 20 }, (_, index) => (index * 7) ^ (index >> 8)));
    const { equal, exit } = await same((way) =>
      within(way, { Cmd: ['cat'], StdinOnce: true }, async (container) => {
        const { socket, closed, kinds, bytes } = attach(way, container.id);
        await once(socket, 'open');
        await container.start();
        for (let at = 0; at < sent.length; at += 16_384) socket.send(sent.subarray(at, at + 16_384));
        await until('all of it to come back', async () => bytes().length >= sent.length);
        socket.close(1000);
        await closed;
        return { equal: bytes().equals(sent), kinds: kinds(), exit: (await container.wait()) as unknown };
      }),
    );
    expect(equal).to.equal(true);
    expect(exit).to.include({ StatusCode: 0 });
  });

  it('is left by a client that vanishes', async () => {
    await same((way) =>
      within(way, { Cmd: ['cat'], StdinOnce: true }, async (container) => {
        const { socket } = attach(way, container.id);
        await once(socket, 'open');
        await container.start();
        socket.terminate();
        return (await container.wait()) as unknown;
      }),
    );
  });

  it('is refused where there is no container', async () => {
    await same(async (way) => {
      const { socket } = attach(way, 'nobody');
      socket.on('error', () => undefined);
      const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
      const { statusCode, headers } = answer;
      return { statusCode, type: headers['content-type'], body: await text(answer) };
    });
  });
});
