import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  closeAll,
  eventually,
  post,
  pre,
  Raw,
  startAdapter,
  startProxy,
  type Harness,
  type HookSeen,
} from './harness.js';

interface DockerCall {
  line: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

type Answer = (res: http.ServerResponse, call: DockerCall) => void;

const created: Answer = (res) =>
  res
    .writeHead(201, { 'Content-Type': 'application/json', 'X-Docker': 'yes' })
    .end('{"Id":"1","Warnings":[]}\n');

describe('hooks', () => {
  let calls: DockerCall[];
  let answer: Answer;

  beforeEach(() => {
    calls = [];
    answer = created;
  });
  afterEach(closeAll);

  const docker = (): http.Server =>
    http.createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req.on('data', (chunk: string) => (body += chunk));
      req.on('end', () => {
        const made = { line: `${req.method} ${req.url}`, headers: req.headers, body };
        calls.push(made);
        answer(res, made);
      });
    });

  /** One adapter per function, named a, b, …; all of them are pre- and post-hooks of create unless told otherwise. */
  async function proxy(
    adapters: ((hook: HookSeen) => unknown)[],
    { endpoint, more = '', settings = '' }: { endpoint?: string; more?: string; settings?: string } = {},
  ): Promise<{ proxy: Harness; seen: HookSeen[][] }> {
    const started = await Promise.all(adapters.map((adapter) => startAdapter(adapter)));
    const names = started.map((_, index) => String.fromCharCode(97 + index));
    const lines = started.map(({ url }, index) => `  ${names[index]}: { url: "${url}"${settings} }`);
    const list = `[${names.join(', ')}]`;
    const harness = await startProxy(
      docker(),
      `${more}endpoints:\n  ${endpoint ?? `"POST /containers/create": { pre: ${list}, post: ${list} }`}\nadapters:\n${lines.join('\n')}\n`,
    );
    return { proxy: harness, seen: started.map(({ seen }) => seen) };
  }

  const echo = (hook: HookSeen): unknown => (hook.ServerResponse ? post(hook) : pre(hook));
  const create = (
    harness: Harness,
    body: string | Buffer,
    path = '/v1.41/containers/create?name=web',
    type = 'application/json',
  ) =>
    harness.call('POST', path, {
      body,
      headers: { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) },
    });

  it('are told of the request and of the answer, and leave every byte as it was', async () => {
    const { proxy: harness, seen } = await proxy([echo]);
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
    expect(calls[0]?.body).to.equal(body);
    expect(calls[0]?.line).to.equal('POST /v1.41/containers/create?name=web');
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
    const { proxy: harness, seen } = await proxy([add('A'), add('B')]);
    const reply = await create(harness, '{}');
    expect(calls[0]).to.include({
      line: 'POST /v1.41/containers/create?name=web&A&B',
      body: '[[{},"A"],"B"]',
    });
    expect(calls[0]?.headers['content-length']).to.equal('14');
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
    const { proxy: harness, seen } = await proxy([echo]);
    await create(harness, '{}', '/containers/create', 'Application/JSON; charset=utf-8');
    await create(harness, 'tar', '/containers/create', 'application/x-tar');
    await create(harness, '{}', '/containers/create', 'application/jsonish');
    expect(
      seen[0]?.filter(({ Type }) => Type === 'pre-hook').map(({ ClientRequest: { Body } }) => Body),
    ).to.deep.equal(['{}', null, null]);
    expect(calls.map(({ body }) => body)).to.deep.equal(['{}', 'tar', '{}']);
  });

  it('that say no keep the call from Docker, and the client reads why', async () => {
    for (const [body, text] of [
      ['{"message":"no more than 3 containers"}', 'no more than 3 containers'],
      ['plain words\n', 'plain words'],
      ['', 'refused with status 403'],
    ] as const) {
      const { proxy: harness, seen } = await proxy([() => Raw.status(403, body), echo]);
      const reply = await create(harness, '{}');
      expect(reply.status).to.equal(403);
      expect(reply.headers['content-type']).to.equal('application/json');
      expect(JSON.parse(reply.body)).to.deep.equal({ message: `adapter a: ${text}` });
      expect(calls).to.deep.equal([]);
      expect(seen[1]).to.deep.equal([]);
    }
  });

  it('that say no after Docker replace its answer', async () => {
    answer = (res) => res.writeHead(204).end();
    const { proxy: harness } = await proxy([() => Raw.status(500, '{"message":"no address"}')], {
      endpoint: '"POST /containers/*/start": { post: [a] }',
    });
    const reply = await harness.call('POST', '/containers/web/start');
    expect(reply).to.include({ status: 500, body: '{"message":"adapter a: no address"}\n' });
    expect(calls).to.have.length(1);
  });

  it("run after Docker's own errors too", async () => {
    answer = (res) =>
      res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"No such image"}');
    const { proxy: harness, seen } = await proxy([echo]);
    const reply = await create(harness, '{}');
    expect(seen[0]?.[1]?.ServerResponse).to.deep.equal({
      ContentType: 'application/json',
      Body: '{"message":"No such image"}',
      Code: 404,
    });
    expect(reply).to.include({ status: 404, body: '{"message":"No such image"}' });
  });

  it('that are down, slow or talk nonsense give 502 or 504 that name adapter and endpoint', async () => {
    const failures: [what: (hook: HookSeen) => unknown, status: number, text: RegExp][] = [
      [
        () => new Raw((res) => res.destroy()),
        502,
        /^adapter a: no answer from http:\S+: ECONNRESET \(POST \/containers\/create, pre-hook\)$/,
      ],
      [
        () => new Raw(() => undefined),
        504,
        /^adapter a: no answer within 100 ms \(POST \/containers\/create, pre-hook\)$/,
      ],
      [() => new Raw((res) => res.write('{')), 504, /^adapter a: no answer within 100 ms/],
      [() => Raw.status(200, 'ok'), 502, /^adapter a: its answer is not one of hook protocol 1: .*JSON/],
      [
        () => ({ PowerstripProtocolVersion: 2 }),
        502,
        /not one of hook protocol 1: PowerstripProtocolVersion/,
      ],
      [
        () => ({ PowerstripProtocolVersion: 1, ModifiedClientRequest: { Method: 'POST' } }),
        502,
        /ModifiedClientRequest\.Request/,
      ],
      [
        (hook) => (hook.ServerResponse ? post(hook, { ContentType: 'a\r\nX: y' }) : pre(hook)),
        502,
        /ModifiedServerResponse\.ContentType: expected the value of a header \(POST \/containers\/create, post-hook\)/,
      ],
      [() => Raw.status(302, ''), 502, /^adapter a: refused with status 302/],
    ];
    for (const [adapter, status, text] of failures) {
      calls.length = 0;
      const { proxy: harness } = await proxy([adapter], { settings: ', timeout: 100ms' });
      const reply = await create(harness, '{}');
      expect(reply.status).to.equal(status);
      expect((JSON.parse(reply.body) as { message: string }).message).to.match(text);
      expect(calls).to.have.length(text.source.includes('post-hook') ? 1 : 0);
    }
  });

  it('that are not there give 502', async () => {
    const harness = await startProxy(
      docker(),
      'endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: http+unix://%2Fnonexistent%2Fa.sock/x }\n',
    );
    const reply = await create(harness, '{}');
    expect(reply.status).to.equal(502);
    expect(reply.body).to.include('adapter a: no answer from http+unix://%2Fnonexistent%2Fa.sock/x: ENOENT');
    expect(calls).to.deep.equal([]);
  });

  it('are skipped when they fail and are not needed, but not when they say no', async () => {
    const settings = ', timeout: 100ms, onFailure: ignore';
    const failing = await proxy([() => new Raw((res) => res.destroy()), echo], { settings });
    expect((await create(failing.proxy, '{}')).status).to.equal(201);
    expect(failing.seen[1]).to.have.length(2);
    const refusing = await proxy([() => Raw.status(403, 'no')], { settings });
    expect((await create(refusing.proxy, '{}')).status).to.equal(403);
  });

  it('may not turn the call into another one', async () => {
    const changes = [
      { Request: '/v1.41/containers/other/start' },
      { Request: '/v1.42/containers/create' },
      { Method: 'PUT' },
      { Request: '/v1.41/containers/create?x HTTP/1.1\r\nX: y' },
    ];
    for (const change of changes) {
      const { proxy: harness } = await proxy([(hook) => pre(hook, change)]);
      const reply = await create(harness, '{}');
      expect(reply.status, JSON.stringify(change)).to.equal(502);
      expect(reply.body).to.include('adapter a: a pre-hook may change the query, not the endpoint');
    }
    expect(calls).to.deep.equal([]);
  });

  it('may give a body to a request and to an answer without one', async () => {
    answer = (res) => res.writeHead(204).end();
    const { proxy: harness, seen } = await proxy(
      [
        (hook) =>
          hook.ServerResponse
            ? post(hook, { Code: 409, Body: '{"message":"taken"}', ContentType: 'application/json' })
            : pre(hook, { Body: '{"a":1}' }),
      ],
      { endpoint: '"POST /containers/*/start": { pre: [a], post: [a] }' },
    );
    const reply = await harness.call('POST', '/containers/web/start');
    expect(seen[0]?.[0]?.ClientRequest.Body).to.equal(null);
    expect(seen[0]?.[1]?.ServerResponse).to.deep.equal({ ContentType: null, Body: null, Code: 204 });
    expect(calls[0]?.body).to.equal('{"a":1}');
    expect(calls[0]?.headers['content-type']).to.equal('application/json');
    expect(reply).to.include({ status: 409, body: '{"message":"taken"}' });
  });

  it('never give a body to 204 and 304', async () => {
    for (const status of [204, 304]) {
      answer = (res, { line }) =>
        line.startsWith('GET') ? created(res, calls[0]!) : res.writeHead(status).end();
      const { proxy: harness } = await proxy(
        [(hook) => post(hook, { Body: 'more', ContentType: 'text/plain' })],
        {
          endpoint: '"POST /containers/*/start": { post: [a] }',
        },
      );
      const client = harness.connect();
      client.socket.write('POST /containers/web/start HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
      const text = await client.until('\r\n\r\n');
      client.socket.write('GET /after HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.until('HTTP/1.1 201');
      expect(text)
        .to.match(new RegExp(`^HTTP/1.1 ${status} `))
        .and.not.match(/content-length|transfer-encoding|more/i);
      expect(client.text().slice(text.length)).to.match(/^HTTP\/1\.1 201/);
    }
  });

  it('may turn an answer into 204', async () => {
    const { proxy: harness } = await proxy([(hook) => post(hook, { Code: 204 })], {
      endpoint: '"POST /containers/create": { post: [a] }',
    });
    expect(await create(harness, '{}')).to.include({ status: 204, body: '' });
  });

  it('leave HEAD without a body', async () => {
    answer = (res) => res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 25 }).end();
    const { proxy: harness } = await proxy([echo], { endpoint: '"HEAD /_ping": { post: [a] }' });
    const reply = await harness.call('HEAD', '/_ping');
    expect(reply.body).to.equal('');
    expect(reply.headers['content-length']).to.equal('25');
  });

  it('see nothing of a body that is not JSON, which streams both ways', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024, 'x');
    answer = (res, { body }) => res.writeHead(200, { 'Content-Type': 'application/x-tar' }).end(body);
    const { proxy: harness, seen } = await proxy(
      [
        (hook) =>
          hook.ServerResponse
            ? post(hook, { Body: '', Code: 202, ContentType: 'application/tar' })
            : pre(hook, { Body: '' }),
      ],
      {
        endpoint: '"PUT /containers/*/archive": { pre: [a], post: [a] }',
        more: 'limits: { hookBody: 1KiB }\n',
      },
    );
    const reply = await harness.call('PUT', '/containers/web/archive', {
      body: large,
      headers: { 'Content-Type': 'application/x-tar', 'Transfer-Encoding': 'chunked' },
    });
    expect(
      seen[0]?.map(({ ClientRequest, ServerResponse }) => (ServerResponse ?? ClientRequest).Body),
    ).to.deep.equal([null, null]);
    expect(reply.status).to.equal(202);
    expect(reply.headers['content-type']).to.equal('application/tar');
    expect(reply.body.length).to.equal(large.length);
  });

  it('refuse JSON that is too large, with a length or in chunks, before Docker sees it', async () => {
    const { proxy: harness, seen } = await proxy([echo], { more: 'limits: { hookBody: 1KiB }\n' });
    const body = `{"a":"${'x'.repeat(2000)}"}`;
    const known = await create(harness, body);
    const chunked = await harness.call('POST', '/containers/create', {
      body,
      headers: { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' },
    });
    for (const reply of [known, chunked]) {
      expect(reply.status).to.equal(413);
      expect(reply.body).to.include('limits.hookBody (1024 bytes)');
    }
    expect(calls).to.deep.equal([]);
    expect(seen[0]).to.deep.equal([]);
  });

  it('refuse an answer of Docker that is too large', async () => {
    answer = (res) => res.writeHead(200, { 'Content-Type': 'application/json' }).end(`"${'x'.repeat(2000)}"`);
    const { proxy: harness } = await proxy([echo], { more: 'limits: { hookBody: 1KiB }\n' });
    expect((await create(harness, '{}')).status).to.equal(413);
  });

  it('do not run on endless streams', async () => {
    answer = (res) => res.writeHead(200, { 'Content-Type': 'application/json' }).write('{"first":1}\n');
    const { proxy: harness, seen } = await proxy([echo], { endpoint: '"GET /events": { post: [a] }' });
    const client = harness.connect();
    client.socket.write('GET /v1.41/events HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('{"first":1}');
    expect(seen[0]).to.deep.equal([]);
  });

  it('are not run for API versions that they do not know', async () => {
    const { proxy: harness } = await proxy([echo]);
    const reply = await create(harness, '{}', '/v1.23/containers/create');
    expect(reply.status).to.equal(400);
    expect(reply.body).to.include('API version 1.23 is too old');
    expect(calls).to.deep.equal([]);
    expect((await harness.call('GET', '/v1.23/info')).status).to.equal(201);
  });

  it('cannot be avoided with an upgrade', async () => {
    const { proxy: harness } = await proxy([echo]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}',
    );
    await client.ended;
    expect(client.text()).to.match(/^HTTP\/1\.1 400 /);
    expect(calls).to.deep.equal([]);
  });

  it('read the body of a client that waits for 100 Continue', async () => {
    const { proxy: harness } = await proxy([echo]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
    );
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('{}');
    await client.until('HTTP/1.1 201 ');
    expect(calls[0]?.body).to.equal('{}');
    expect(calls[0]?.headers.expect).to.equal(undefined);
  });

  it('are told to stop when the client leaves, and Docker is not called', async () => {
    let adapterLeft = false;
    const { proxy: harness, seen } = await proxy([
      () => new Raw((res) => res.on('close', () => (adapterLeft = true))),
    ]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
    );
    await eventually(() => seen[0]?.length === 1);
    client.socket.destroy();
    await eventually(() => adapterLeft);
    expect(calls).to.deep.equal([]);
  });

  it('keep their connection, and survive that the adapter closes it', async () => {
    const adapter = await startAdapter(echo);
    let connections = 0;
    adapter.server.on('connection', () => connections++);
    const harness = await startProxy(
      docker(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    for (let count = 0; count < 3; count++) expect((await create(harness, '{}')).status).to.equal(201);
    expect(connections).to.equal(1);
    // As the call arrives: the adapter had decided to close before it saw it.
    adapter.server.prependOnceListener('request', (req: http.IncomingMessage) => req.socket.destroy());
    expect((await create(harness, '{}')).status).to.equal(201);
    expect(connections).to.equal(2);
  });

  it('leave the connection to Docker free when they answer for it', async () => {
    answer = (res) => res.writeHead(200, { 'Content-Type': 'text/plain' }).end('x'.repeat(100_000));
    const server = docker();
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

  it('cost less than a millisecond', async () => {
    const { proxy: harness } = await proxy([echo], { endpoint: '"GET /hooked": { pre: [a] }' });
    const agent = new http.Agent({ keepAlive: true });
    const time = async (path: string): Promise<number> => {
      const times: number[] = [];
      for (let count = 0; count < 60; count++) {
        const start = performance.now();
        const request = http.get({ socketPath: harness.proxySocket, path, agent });
        const [response] = (await once(request, 'response')) as [http.IncomingMessage];
        response.resume();
        await once(response, 'end');
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[30] ?? NaN;
    };
    await time('/hooked');
    const cost = (await time('/hooked')) - (await time('/plain'));
    agent.destroy();
    // The bound leaves room for a machine that is busy with other tests.
    expect(cost).to.be.lessThan(3);
    console.log(`      a hook costs ${cost.toFixed(2)} ms`);
  });

  it('may be on a unix socket', async () => {
    const adapter = await startAdapter(echo);
    const { dir, ...harness } = await startProxy(docker());
    const socket = join(dir, 'adapter.sock');
    adapter.server.close();
    adapter.server.listen(socket);
    await once(adapter.server, 'listening');
    const second = await startProxy(
      docker(),
      `endpoints: { "POST /containers/create": { pre: [a] } }\nadapters: { a: "http+unix://${encodeURIComponent(socket)}/adapter" }\n`,
    );
    expect((await create(second, '{}')).status).to.equal(201);
    expect(adapter.seen).to.have.length(1);
    await harness.close();
  });
});
