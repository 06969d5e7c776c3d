import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, Raw } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';
import {
  create2,
  createdBig,
  JSON_TYPE,
  nothing,
  startHooked2,
  unwinds,
  VERSION,
  type Hook2,
} from '../../../support/proxy/hooked-2.js';

describe('hook protocol 2 unwinds', () => {
  const docker = useDocker(createdBig);
  afterEach(closeAll);

  it('what ran, last first, when a later hook says no; not the one that did', async () => {
    const order: string[] = [];
    const note =
      (name: string): Hook2 =>
      (hook) => {
        order.push(`${name} ${hook.Type}`);
        return VERSION;
      };
    const { proxy: harness, seen } = await startHooked2(docker, [
      note('a'),
      note('b'),
      () => Raw.status(403, 'no'),
    ]);
    expect(await create2(harness)).to.include({ status: 403, body: '{"message":"adapter c: no"}\n' });
    expect(order).to.deep.equal(['a pre-hook', 'b pre-hook', 'b unwind', 'a unwind']);
    expect(unwinds(seen[0])[0]).to.deep.include({
      Hook: 'pre-hook',
      RequestId: seen[0]?.[0]?.RequestId,
      Reason: { By: 'adapter', Adapter: 'c', Code: 403, Message: 'adapter c: no' },
    });
    expect(seen[2]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook']);
    expect(docker.calls).to.deep.equal([]);
  });

  it('with the request as the hook returned it', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [
      (hook) =>
        hook.Type === 'pre-hook' ? { ...VERSION, ModifiedClientRequest: { Body: { Image: 'x' } } } : VERSION,
      () => Raw.status(403, 'no'),
    ]);
    await create2(harness);
    expect(unwinds(seen[0])[0]?.ClientRequest.Body).to.deep.equal({ Image: 'x' });
  });

  it('one that failed too, as it may have done its work', async () => {
    const { proxy: harness, seen } = await startHooked2(
      docker,
      [nothing, (hook) => (hook.Type === 'pre-hook' ? new Raw(() => undefined) : VERSION)],
      { settings: ', timeout: 100ms' },
    );
    expect((await create2(harness)).status).to.equal(504);
    expect(unwinds(seen[1])[0]?.Reason).to.deep.include({ By: 'adapter', Adapter: 'b', Code: 504 });
    expect(unwinds(seen[0])).to.have.length(1);
  });

  it('hooks before Docker when Docker says no; those after it have seen that', async () => {
    docker.answer = (res) => res.writeHead(404, JSON_TYPE).end('{"message":"No such image"}');
    const { proxy: harness, seen } = await startHooked2(docker, [nothing]);
    expect(await create2(harness)).to.include({ status: 404, body: '{"message":"No such image"}' });
    expect(seen[0]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'post-hook', 'unwind']);
    expect(unwinds(seen[0])[0]?.Reason).to.deep.include({ By: 'docker', Code: 404 });
  });

  it('when Docker is not there', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [nothing], { server: null });
    expect((await create2(harness)).status).to.equal(503);
    expect(unwinds(seen[0])[0]?.Reason).to.deep.include({ By: 'docker', Code: 503 });
  });

  it('both hooks of an adapter when a later hook after Docker says no', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [nothing, () => Raw.status(500, 'full')], {
      pre: 'a',
    });
    expect((await create2(harness)).status).to.equal(500);
    expect(unwinds(seen[0]).map(({ Hook }) => Hook)).to.deep.equal(['post-hook', 'pre-hook']);
  });

  it('when the client leaves while a hook or Docker works', async () => {
    let wait: 'b' | 'docker' = 'b';
    docker.answer = () => undefined;
    const { proxy: harness, seen } = await startHooked2(docker, [
      nothing,
      (hook) => (hook.Type === 'pre-hook' && wait === 'b' ? new Raw(() => undefined) : VERSION),
    ]);
    for (wait of ['b', 'docker'] as const) {
      const [a, b] = seen;
      a!.length = b!.length = 0;
      const client = harness.connect();
      client.socket.write(
        'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      );
      await until(() => (wait === 'b' ? b!.length === 1 : docker.calls.length === 1));
      client.socket.destroy();
      await until(() => unwinds(a).length === 1 && unwinds(b).length === 1);
      expect(unwinds(a)[0]?.Reason).to.deep.equal({
        By: 'client',
        Message: 'the client left before it had its answer',
      });
    }
  });

  it('a hijacked call that Docker refuses, not one that it takes', async () => {
    const server = http.createServer();
    let take = false;
    server.on('upgrade', (_, socket) => {
      socket.on('error', () => undefined);
      socket.end(
        take ? 'HTTP/1.1 101 UPGRADED\r\n\r\nhello' : 'HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n',
      );
    });
    const { proxy: harness, seen } = await startHooked2(docker, [nothing], { server });
    for (take of [false, true]) {
      const client = harness.connect();
      client.socket.write(
        'POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
      );
      await client.ended;
      client.socket.destroy();
    }
    await until(() => seen[0]?.length === 3);
    expect(seen[0]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'unwind', 'pre-hook']);
    expect(unwinds(seen[0])[0]?.Reason).to.deep.include({ By: 'docker', Code: 409 });
  });

  it('nothing when the client of a stream vanishes in the middle, and the proxy lives', async () => {
    const server = http.createServer((_, res) => res.writeHead(201, JSON_TYPE).end('{}'));
    let more: NodeJS.Timeout | undefined;
    server.on('upgrade', (_, socket) => {
      socket.on('error', () => undefined);
      socket.on('close', () => clearInterval(more));
      socket.write('HTTP/1.1 101 UPGRADED\r\n\r\nhello');
      more = setInterval(() => socket.write('x'.repeat(200_000)), 1);
    });
    const { proxy: harness, seen } = await startHooked2(docker, [nothing], { server });
    const client = harness.connect();
    client.socket.write(
      'POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
    );
    await client.until('hello');
    // What it has not read makes its end a reset.
    client.socket.pause();
    await sleep(30);
    client.socket.destroy();
    await until(() => more !== undefined && (more as { _destroyed?: boolean })._destroyed === true);
    expect(unwinds(seen[0])).to.deep.equal([]);
    expect((await create2(harness)).status).to.equal(201);
  });

  it('whatever adapters make of that, and the client has its answer', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [
      nothing,
      (hook) => (hook.Type === 'unwind' ? Raw.status(500, 'cannot') : VERSION),
      (hook) => (hook.Type === 'pre-hook' ? Raw.status(403, 'no') : VERSION),
    ]);
    expect((await create2(harness)).status).to.equal(403);
    expect(unwinds(seen[0])).to.have.length(1);
  });

  it('before a proxy that stops is gone', async () => {
    docker.answer = () => undefined;
    let unwound = false;
    const { proxy: harness } = await startHooked2(docker, [
      (hook) =>
        hook.Type === 'unwind'
          ? new Raw((res) => void setTimeout(() => ((unwound = true), res.end('{}')), 100))
          : VERSION,
    ]);
    const call = create2(harness).catch((error: unknown) => error);
    await until(() => docker.calls.length === 1);
    await harness.stop(300);
    expect(unwound).to.equal(true);
    expect(await call).to.be.instanceOf(Error);
  });
});
