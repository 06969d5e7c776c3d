import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, post, pre, Raw, startAdapter, startProxy } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';
import { create, created, echo, startHooked } from '../../../support/proxy/hooked.js';

describe('hooks and connections', () => {
  const docker = useDocker(created);
  afterEach(closeAll);

  it('do not run on endless streams', async () => {
    docker.answer = (res) =>
      res.writeHead(200, { 'Content-Type': 'application/json' }).write('{"first":1}\n');
    const { proxy: harness, seen } = await startHooked(docker, [echo], {
      endpoint: '"GET /events": { post: [a] }',
    });
    const client = harness.connect();
    client.socket.write('GET /v1.41/events HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('{"first":1}');
    expect(seen[0]).to.deep.equal([]);
  });

  it('keep their connection, and survive that the adapter closes it', async () => {
    const adapter = await startAdapter(echo);
    let connections = 0;
    adapter.server.on('connection', () => connections++);
    const harness = await startProxy(
      docker.server(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    for (let count = 0; count < 3; count++) expect((await create(harness, '{}')).status).to.equal(201);
    expect(connections).to.equal(1);
    // As the call arrives: the adapter had decided to close before it saw it.
    adapter.server.prependOnceListener('request', (req: http.IncomingMessage) => req.socket.destroy());
    expect((await create(harness, '{}')).status).to.equal(201);
    expect(connections).to.equal(2);
  });

  it('say what happened when the adapter ends, and takes all kept connections with it', async () => {
    const adapter = await startAdapter(echo);
    const harness = await startProxy(
      docker.server(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    await Promise.all(Array.from({ length: 5 }, () => create(harness, '{}')));
    adapter.server.prependListener('request', (req: http.IncomingMessage) => req.socket.destroy());
    const { status, body } = await create(harness, '{}');
    expect(status).to.equal(502);
    expect(body).to.match(/no answer from http:\S+: (ECONNRESET|EPIPE) \(/);
  });

  it('do not fail when all connections that were kept are stale, as after a restart of the adapter', async () => {
    const adapter = await startAdapter(echo);
    const harness = await startProxy(
      docker.server(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    await Promise.all(Array.from({ length: 5 }, () => create(harness, '{}')));
    const before = new Set<unknown>();
    adapter.server.on('connection', (socket) => before.add(socket));
    adapter.server.prependListener('request', ({ socket }: http.IncomingMessage) => {
      if (!before.has(socket)) socket.destroy();
    });
    expect((await create(harness, '{}')).status).to.equal(201);
  });

  it('leave no client waiting when Docker breaks off while an adapter is told', async () => {
    docker.answer = (res) => {
      res.writeHead(404, { 'Content-Type': 'text/plain', 'Content-Length': 9 }).write('x');
      setImmediate(() => res.destroy());
    };
    const { proxy: harness } = await startHooked(
      docker,
      [(hook) => new Raw((res) => void setTimeout(() => res.end(JSON.stringify(post(hook))), 50))],
      { endpoint: '"POST /containers/create": { post: [a] }' },
    );
    const { status, body } = await create(harness, '{}');
    expect(status).to.equal(502);
    expect(body).to.include('Docker broke off in the middle of its answer');
  });

  it('leave no client waiting when Docker upgrades what did not ask for it', async () => {
    const upgrading = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () =>
        socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'),
      );
    });
    const adapter = await startAdapter(echo);
    const harness = await startProxy(
      upgrading,
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    for (const answer of [create(harness, '{}'), harness.call('POST', '/build', { body: 'x' })]) {
      expect(await answer).to.have.property('status', 502);
    }
  });

  it('leave the connection to Docker free when they answer for it', async () => {
    docker.answer = (res) => res.writeHead(200, { 'Content-Type': 'text/plain' }).end('x'.repeat(100_000));
    const server = docker.server();
    let connections = 0;
    server.on('connection', () => connections++);
    const adapter = await startAdapter((hook) => post(hook, { Code: 204 }));
    const harness = await startProxy(
      server,
      `endpoints: { "GET /x": { post: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    for (let count = 0; count < 3; count++) {
      expect(await harness.call('GET', '/x')).to.include({ status: 204, body: '' });
    }
    expect(connections).to.equal(1);
  });

  it('leave no connection to Docker behind when the client leaves in the middle of an answer', async () => {
    let left = false;
    docker.answer = (res) => {
      res.on('close', () => (left = true));
      res.writeHead(200, { 'Content-Type': 'text/plain' }).write('line');
    };
    const { proxy: harness } = await startHooked(docker, [echo], {
      endpoint: '"GET /containers/*/logs": { pre: [a] }',
    });
    const client = harness.connect();
    client.socket.write('GET /containers/web/logs HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('line');
    client.socket.destroy();
    await until(() => left);
  });

  it('leave none behind either for calls that the client sent ahead', async () => {
    docker.answer = () => undefined;
    const server = docker.server();
    const open = new Set<unknown>();
    server.on('connection', (socket) => open.add(socket.on('close', () => open.delete(socket))));
    const adapter = await startAdapter(echo);
    const harness = await startProxy(
      server,
      `endpoints: { "POST /containers/*": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    const client = harness.connect();
    client.socket.write('POST /containers/web/start HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    await until(() => docker.calls.length === 3);
    client.socket.destroy();
    await until(() => open.size === 0);
  });

  it('of a hijacked call run before it, and Docker gets their body', async () => {
    const bodies: string[] = [];
    const server = http.createServer();
    server.on('upgrade', (req, socket, head: Buffer) => {
      bodies.push(`${req.headers['content-length']} ${head.toString()}`);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString()}>`));
    });
    const adapter = await startAdapter((hook) =>
      hook.ClientRequest.Body === '{"no":1}' ? Raw.status(403, 'no') : pre(hook, { Body: '{"Tty":false}' }),
    );
    const harness = await startProxy(
      server,
      `endpoints: { "POST /exec/*/start": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    const client = harness.connect();
    const head =
      'POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n';
    client.socket.write(`${head}Content-Length: 2\r\n\r\n{`);
    await once(client.socket, 'connect');
    client.socket.write('}early');
    await client.until('<early>');
    expect(bodies[0]).to.match(/^13 /);
    client.socket.write('late');
    await client.until('<late>');
    expect(adapter.seen[0]?.ClientRequest.Body).to.equal('{}');

    const refused = harness.connect();
    refused.socket.write(`${head}Content-Length: 8\r\n\r\n{"no":1}`);
    await refused.ended;
    expect(refused.text()).to.match(/^HTTP\/1\.1 403 [^]*\{"message":"adapter a: no"\}\n$/);
    expect(bodies).to.have.length(1);
  });
});
