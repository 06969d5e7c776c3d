import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import {
  closeAll,
  post,
  pre,
  Raw,
  startAdapter,
  startProxy,
  type HookSeen,
} from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';
import { create, created, echo, startHooked } from '../../../support/proxy/hooked.js';

describe('hooks', () => {
  const docker = useDocker(created);
  afterEach(closeAll);

  it('are told of the request and of the answer, and leave every byte as it was', async () => {
    const { proxy: harness, seen } = await startHooked(docker, [echo]);
    const body = '{"Image":"busybox","Big":9223372036854775807,"Image":"x", "Späß":"\\u00e9"}\n';
    const reply = await create(harness, body);
    expect(seen[0]?.[0]).to.deep.equal({
      PowerstripProtocolVersion: 1,
      Type: 'pre-hook',
      ClientRequest: { Method: 'POST', Request: '/v1.41/containers/create?name=web', Body: body },
    });
    expect(seen[0]?.[1]).to.deep.equal({
      PowerstripProtocolVersion: 1,
      Type: 'post-hook',
      ClientRequest: { Method: 'POST', Request: '/v1.41/containers/create?name=web', Body: body },
      ServerResponse: { ContentType: 'application/json', Body: '{"Id":"1","Warnings":[]}\n', Code: 201 },
    });
    expect(docker.calls[0]?.body).to.equal(body);
    expect(docker.calls[0]?.line).to.equal('POST /v1.41/containers/create?name=web');
    expect(reply).to.include({ status: 201, body: '{"Id":"1","Warnings":[]}\n' });
    expect(reply.headers['x-docker']).to.equal('yes');
  });

  it('see in a chain what the one before returned, and post-hooks see the modified request', async () => {
    const add = (letter: string) => (hook: HookSeen) => {
      const sent = hook.ClientRequest;
      if (!hook.ServerResponse)
        return pre(hook, { Body: `[${sent.Body},"${letter}"]`, Request: `${sent.Request}&${letter}` });
      return post(hook, {
        Body: `${hook.ServerResponse.Body}${letter}`,
        Code: hook.ServerResponse.Code + 1,
        ContentType: `text/${letter}`,
      });
    };
    const { proxy: harness, seen } = await startHooked(docker, [add('A'), add('B')]);
    const reply = await create(harness, '{}');
    expect(docker.calls[0]).to.include({
      line: 'POST /v1.41/containers/create?name=web&A&B',
      body: '[[{},"A"],"B"]',
    });
    expect(docker.calls[0]?.headers['content-length']).to.equal('14');
    expect(seen[1]?.[1]?.ClientRequest).to.deep.equal({
      Method: 'POST',
      Request: '/v1.41/containers/create?name=web&A&B',
      Body: '[[{},"A"],"B"]',
    });
    expect(reply).to.include({ status: 203, body: '{"Id":"1","Warnings":[]}\nAB' });
    expect(reply.headers['content-type']).to.equal('text/B');
    expect(reply.rawHeaders.filter((name) => /content-type/i.test(name))).to.have.length(1);
  });

  it('get JSON whatever its content type looks like, and nothing else', async () => {
    const { proxy: harness, seen } = await startHooked(docker, [echo], {
      endpoint: '"POST /*": { pre: [a] }',
    });
    await create(harness, '{}', '/containers/create', 'Application/JSON; charset=utf-8');
    await create(harness, 'tar', '/build', 'application/x-tar');
    await create(harness, '{}', '/build', 'application/jsonish');
    expect(
      seen[0]?.filter(({ Type }) => Type === 'pre-hook').map(({ ClientRequest: { Body } }) => Body),
    ).to.deep.equal(['{}', null, null]);
    expect(docker.calls.map(({ body }) => body)).to.deep.equal(['{}', 'tar', '{}']);
  });

  it('are not passed by a body that Docker may take for JSON or for a form whatever its type', async () => {
    const { proxy: harness } = await startHooked(docker, [echo], { endpoint: '"POST /*": { pre: [a] }' });
    for (const [path, type, message] of [
      ['/auth', 'text/plain', 'a body needs Content-Type: application/json'],
      ['/containers/create', 'application/x-tar', 'a body needs Content-Type: application/json'],
      ['/containers/create', 'appl\xc4\xb0cation/json', 'characters that are not ASCII'],
      ['/build', 'application/json\xc2\xa0', 'characters that are not ASCII'],
      ['/containers/web/kill', 'application/x-www-form-urlencoded', 'not in a form'],
      ['/build', 'multipart/form-data; boundary=x', 'not in a form'],
    ] as const) {
      const reply = await create(harness, 'a', path, type);
      expect(reply.status, type).to.equal(400);
      expect(reply.body).to.include(message);
      if (message.includes('needs')) continue;
      const client = harness.connect();
      client.socket.write(
        `POST /containers/web/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: ${type}\r\nContent-Length: 1\r\n\r\na`,
        'latin1',
      );
      expect(await client.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 400 /);
    }
    expect(docker.calls).to.deep.equal([]);
  });

  it('that say no keep the call from Docker, and the client reads why', async () => {
    for (const [body, text] of [
      ['{"message":"no more than 3 containers"}', 'no more than 3 containers'],
      ['plain words\n', 'plain words'],
      ['', 'refused with status 403'],
    ] as const) {
      const { proxy: harness, seen } = await startHooked(docker, [() => Raw.status(403, body), echo]);
      const reply = await create(harness, '{}');
      expect(reply.status).to.equal(403);
      expect(reply.headers['content-type']).to.equal('application/json');
      expect(JSON.parse(reply.body)).to.deep.equal({ message: `adapter a: ${text}` });
      expect(docker.calls).to.deep.equal([]);
      expect(seen[1]).to.deep.equal([]);
    }
  });

  it('that say no after Docker replace its answer', async () => {
    docker.answer = (res) => res.writeHead(204).end();
    const { proxy: harness } = await startHooked(
      docker,
      [() => Raw.status(500, '{"message":"no address"}')],
      {
        endpoint: '"POST /containers/*/stop": { post: [a] }',
      },
    );
    const reply = await harness.call('POST', '/containers/web/stop');
    expect(reply).to.include({ status: 500, body: '{"message":"adapter a: no address"}\n' });
    expect(docker.calls).to.have.length(1);
  });

  it("run after Docker's own errors too", async () => {
    docker.answer = (res) =>
      res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"No such image"}');
    const { proxy: harness, seen } = await startHooked(docker, [echo]);
    const reply = await create(harness, '{}');
    expect(seen[0]?.[1]?.ServerResponse).to.deep.equal({
      ContentType: 'application/json',
      Body: '{"message":"No such image"}',
      Code: 404,
    });
    expect(reply).to.include({ status: 404, body: '{"message":"No such image"}' });
  });

  it('may not turn the call into another one', async () => {
    const changes = [
      { Request: '/v1.41/containers/other/start' },
      { Request: '/v1.42/containers/create' },
      { Method: 'PUT' },
      { Request: '/v1.41/containers/create?x HTTP/1.1\r\nX: y' },
    ];
    for (const change of changes) {
      const { proxy: harness } = await startHooked(docker, [(hook) => pre(hook, change)]);
      const reply = await create(harness, '{}');
      expect(reply.status, JSON.stringify(change)).to.equal(502);
      expect(reply.body).to.include('adapter a: a pre-hook may change the query, not the endpoint');
    }
    expect(docker.calls).to.deep.equal([]);
  });

  it('show no secrets of the query where that is told', async () => {
    const { proxy: harness } = await startHooked(docker, [(hook) => pre(hook, { Request: '/x?token=abc' })]);
    const { body } = await create(harness, '{}', '/v1.41/containers/create?buildargs=geheim');
    expect(body).to.include('create?buildargs=*** became POST /x?token=***');
  });

  it('are not run for API versions that they do not know', async () => {
    const { proxy: harness } = await startHooked(docker, [echo]);
    const reply = await create(harness, '{}', '/v1.23/containers/create');
    expect(reply.status).to.equal(400);
    expect(reply.body).to.include('API version 1.23 is too old');
    expect(docker.calls).to.deep.equal([]);
    expect((await harness.call('GET', '/v1.23/info')).status).to.equal(201);
  });

  it('cannot be avoided with an upgrade', async () => {
    const { proxy: harness } = await startHooked(docker, [echo]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}',
    );
    await client.ended;
    expect(client.text()).to.match(/^HTTP\/1\.1 400 /);
    expect(docker.calls).to.deep.equal([]);
  });

  it('are told to stop when the client leaves, and Docker is not called', async () => {
    let adapterLeft = false;
    const { proxy: harness, seen } = await startHooked(docker, [
      () => new Raw((res) => res.on('close', () => (adapterLeft = true))),
    ]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );
    await until(() => seen[0]?.length === 1);
    client.socket.destroy();
    await until(() => adapterLeft);
    expect(await harness.proxy.metrics.text()).to.match(
      /_count\{adapter="a",type="pre-hook",result="left"\} 1\n/,
    );
    expect(docker.calls).to.deep.equal([]);
  });

  it('may be on a unix socket', async () => {
    const adapter = await startAdapter(echo);
    const { dir, ...harness } = await startProxy(docker.server());
    const socket = join(dir, 'adapter.sock');
    adapter.server.close();
    adapter.server.listen(socket);
    await once(adapter.server, 'listening');
    const second = await startProxy(
      docker.server(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "http+unix://${encodeURIComponent(socket)}/adapter" }\n`,
    );
    expect((await create(second, '{}')).status).to.equal(201);
    expect(adapter.seen).to.have.length(1);
    await harness.close();
  });
});
