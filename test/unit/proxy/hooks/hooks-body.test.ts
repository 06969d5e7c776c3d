import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, post, pre, Raw, type HookSeen } from '../../../support/proxy/harness.js';
import { create, created, echo, startHooked } from '../../../support/proxy/hooked.js';

describe('hooks and bodies', () => {
  const docker = useDocker(created);
  afterEach(closeAll);

  it('may give a body to a request and to an answer without one', async () => {
    docker.answer = (res) => res.writeHead(204).end();
    const { proxy: harness, seen } = await startHooked(
      docker,
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
    expect(docker.calls[0]?.body).to.equal('{"a":1}');
    expect(docker.calls[0]?.headers['content-type']).to.equal('application/json');
    expect(reply).to.include({ status: 409, body: '{"message":"taken"}' });
  });

  it('of languages where no text is an empty one leave a request without body as it is', async () => {
    const { proxy: harness } = await startHooked(docker, [(hook) => pre(hook, { Body: '' })], {
      endpoint: '"DELETE /containers/*": { pre: [a] }',
    });
    expect(await harness.call('DELETE', '/containers/web')).to.include({ status: 201 });
    expect(docker.calls).to.have.length(1);
  });

  it('have theirs read as Docker reads it, by the first of two types', async () => {
    const { proxy: harness } = await startHooked(docker, [
      (hook) => (hook.ServerResponse ? post(hook) : pre(hook, { Body: '{"hostconfig":{"Memory":1}}' })),
    ]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}',
    );
    await client.until('201');
    expect(docker.calls[0]?.body).to.equal('{"HostConfig":{"Memory":1}}');
  });

  it('are not changed by an adapter that writes them in another encoding', async () => {
    const latin1 = (hook: HookSeen) =>
      Buffer.from(JSON.stringify(pre(hook, { Body: '{"Labels":{"a":"caf\xe9"}}' })), 'latin1');
    const { proxy: harness } = await startHooked(docker, [(hook) => new Raw((res) => res.end(latin1(hook)))]);
    const reply = await create(harness, '{}');
    expect(reply.status).to.equal(502);
    expect(reply.body).to.include('adapter a: its answer is not UTF-8');
    expect(docker.calls).to.deep.equal([]);
  });

  it('never give a body to 204 and 304', async () => {
    for (const status of [204, 304]) {
      docker.answer = (res, { line }) =>
        line.startsWith('GET') ? created(res, docker.calls[0]!) : res.writeHead(status).end();
      const { proxy: harness } = await startHooked(
        docker,
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
    const { proxy: harness } = await startHooked(docker, [(hook) => post(hook, { Code: 204 })], {
      endpoint: '"POST /containers/create": { post: [a] }',
    });
    expect(await create(harness, '{}')).to.include({ status: 204, body: '' });
  });

  it('leave HEAD without a body', async () => {
    docker.answer = (res) =>
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 25 }).end();
    const { proxy: harness } = await startHooked(docker, [echo], {
      endpoint: '"HEAD /_ping": { post: [a] }',
    });
    const reply = await harness.call('HEAD', '/_ping');
    expect(reply.body).to.equal('');
    expect(reply.headers['content-length']).to.equal('25');
  });

  it('see nothing of a body that is not JSON, which streams both ways', async () => {
    const large = Buffer.alloc(3 * 1024 * 1024, 'x');
    docker.answer = (res, { body }) => res.writeHead(200, { 'Content-Type': 'application/x-tar' }).end(body);
    const { proxy: harness, seen } = await startHooked(
      docker,
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
    const { proxy: harness, seen } = await startHooked(docker, [echo], {
      more: 'limits: { hookBody: 1KiB }\n',
    });
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
    expect(docker.calls).to.deep.equal([]);
    expect(seen[0]).to.deep.equal([]);
  });

  it('refuse it also to clients that read nothing before all is sent, and their connection goes on', async () => {
    const { proxy: harness } = await startHooked(docker, [echo], { more: 'limits: { hookBody: 1KiB }\n' });
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    client.socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(40));
    client.socket.write('0\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until(/ 413 [^]* 201 /);
    expect(docker.calls.map(({ line }) => line)).to.deep.equal(['GET /next']);
  });

  it('refuse an answer of Docker that is too large', async () => {
    docker.answer = (res) =>
      res.writeHead(200, { 'Content-Type': 'application/json' }).end(`"${'x'.repeat(2000)}"`);
    const { proxy: harness } = await startHooked(docker, [echo], { more: 'limits: { hookBody: 1KiB }\n' });
    expect((await create(harness, '{}')).status).to.equal(413);
  });

  it('read the body of a client that waits for 100 Continue', async () => {
    const { proxy: harness } = await startHooked(docker, [echo]);
    const client = harness.connect();
    client.socket.write(
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
    );
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('{}');
    await client.until('HTTP/1.1 201 ');
    expect(docker.calls[0]?.body).to.equal('{}');
    expect(docker.calls[0]?.headers.expect).to.equal(undefined);
  });
});
