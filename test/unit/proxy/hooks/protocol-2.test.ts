import { expect } from 'chai';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { closeAll, post, pre, startAdapter, type HookSeen } from '../../../support/proxy/harness.js';
import {
  create2,
  createdBig,
  nothing,
  startHooked2,
  unwinds,
  VERSION,
  type Hook2,
} from '../../../support/proxy/hooked-2.js';

describe('hook protocol 2', () => {
  const docker = useDocker(createdBig);
  afterEach(closeAll);

  it('tells who calls, what for, and gives JSON as JSON', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [nothing]);
    const reply = await create2(harness, undefined, { 'X-Meta': ['a', 'b'] });
    const [first, second] = seen[0] ?? [];
    expect(first).to.deep.include({ ...VERSION, Type: 'pre-hook', ApiVersion: '1.41' });
    expect(first?.Endpoint).to.equal('POST /containers/create');
    expect(first?.RequestId).to.match(/^[0-9a-f]{8}-\d+$/);
    expect(first?.Caller).to.deep.equal({
      Transport: 'unix',
      Uid: process.getuid?.(),
      Gid: process.getgid?.(),
      Pid: process.pid,
    });
    expect(first?.ClientRequest).to.deep.include({
      Method: 'POST',
      Request: '/v1.41/containers/create?name=web',
      Body: { Image: 'busybox', Big: Number('9223372036854775807') },
    });
    expect(first?.ClientRequest.Headers).to.include({ 'content-type': 'application/json', 'x-meta': 'a, b' });
    expect(second).to.deep.include({ Type: 'post-hook', RequestId: first?.RequestId });
    expect(second).to.have.nested.property('ServerResponse.Body.Id', '1');
    expect(second).to.have.nested.property('ServerResponse.Code', 201);
    expect(reply).to.include({ status: 201, body: '{"Id":"1","Big":9223372036854775807}\n' });
    expect(docker.calls[0]?.body).to.equal('{"Image":"busybox","Big":9223372036854775807}');
    expect(docker.calls[0]?.headers['x-meta']).to.equal('a, b');
  });

  it('has changes of body, query and headers, and leaves the rest as it was', async () => {
    const { proxy: harness, seen } = await startHooked2(docker, [
      (hook) => {
        if (hook.Type !== 'pre-hook') {
          return {
            ...VERSION,
            ModifiedServerResponse: {
              Code: 202,
              Headers: { 'X-More': 'yes' },
              Body: { Id: '2', Big: Number('9223372036854775807') },
            },
          };
        }
        const { ClientRequest } = hook;
        const Body = { ...(ClientRequest.Body as object), Labels: { a: 'b' } };
        const Headers = { ...ClientRequest.Headers, 'X-Registry-Auth': 'key', 'x-meta': null };
        return {
          ...VERSION,
          ModifiedClientRequest: { ...ClientRequest, Headers, Body, Request: `${ClientRequest.Request}&x=1` },
        };
      },
      nothing,
    ]);
    const reply = await create2(harness, undefined, { 'X-Meta': 'a' });
    expect(docker.calls[0]?.line).to.equal('POST /v1.41/containers/create?name=web&x=1');
    expect(docker.calls[0]?.body).to.equal(
      '{"Image":"busybox","Big":9223372036854775807,"Labels":{"a":"b"}}',
    );
    expect(docker.calls[0]?.headers).to.include({ 'x-registry-auth': 'key' }).and.not.have.property('x-meta');
    expect(seen[1]?.[0]?.ClientRequest).to.deep.include({ Request: '/v1.41/containers/create?name=web&x=1' });
    expect(seen[1]?.[0]?.ClientRequest.Headers).to.include({ 'x-registry-auth': 'key' });
    expect(reply).to.include({ status: 202, body: '{"Id":"2","Big":9223372036854775807}' });
    expect(reply.headers['x-more']).to.equal('yes');
  });

  it('may share a chain with version 1', async () => {
    const old = await startAdapter((hook: HookSeen) =>
      hook.ServerResponse
        ? post(hook, { Code: 299 })
        : pre(hook, { Body: hook.ClientRequest.Body!.replace('busybox', 'alpine') }),
    );
    const { proxy: harness, seen } = await startHooked2(docker, [nothing]);
    const url = (await startAdapter(() => VERSION)).url;
    await harness.reload(
      `endpoints: { "POST /containers/create": { pre: [old, new], post: [new, old] } }\nadapters: { old: "${old.url}", new: { url: "${url}", protocol: 2 } }\n`,
    );
    expect(await create2(harness)).to.include({ status: 299 });
    expect(docker.calls[0]?.body).to.equal('{"Image":"alpine","Big":9223372036854775807}');
    expect(old.seen.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'post-hook']);
    expect(seen[0]).to.deep.equal([]);
  });

  describe('answers in the place of Docker', () => {
    const instead =
      (ServerResponse: object): Hook2 =>
      (hook) =>
        hook.Type === 'pre-hook' ? { ...VERSION, Continue: false, ServerResponse } : VERSION;

    it('with JSON, and later hooks and Docker hear nothing', async () => {
      const { proxy: harness, seen } = await startHooked2(docker, [
        nothing,
        instead({ Code: 201, Headers: { 'X-Cache': 'hit' }, Body: { Id: 'cached' } }),
        nothing,
      ]);
      const reply = await create2(harness);
      expect(reply).to.include({ status: 201, body: '{"Id":"cached"}' });
      expect(reply.headers).to.include({ 'content-type': 'application/json', 'x-cache': 'hit' });
      expect(docker.calls).to.deep.equal([]);
      expect(seen[2]).to.deep.equal([]);
      expect(seen[1]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook']);
      expect(unwinds(seen[0])[0]?.Reason).to.deep.equal({
        By: 'adapter',
        Adapter: 'b',
        Code: 201,
        Message: 'answered in the place of Docker',
      });
    });

    it('with text, and with nothing', async () => {
      const text = await startHooked2(docker, [
        instead({ Code: 418, Headers: { 'Content-Type': 'text/plain' }, Body: 'tea' }),
      ]);
      const reply = await create2(text.proxy);
      expect(reply).to.include({ status: 418, body: 'tea' });
      expect(reply.headers['content-length']).to.equal('3');
      const empty = await startHooked2(docker, [instead({ Code: 204 })]);
      expect(await create2(empty.proxy)).to.include({ status: 204, body: '' });
    });

    it('also of a call that would be hijacked', async () => {
      const { proxy: harness } = await startHooked2(docker, [
        instead({ Code: 409, Body: { message: 'not now' } }),
      ]);
      for (const upgrade of ['Connection: Upgrade\r\nUpgrade: tcp\r\n', '']) {
        const client = harness.connect();
        client.socket.write(
          `POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${upgrade}Content-Length: 2\r\n\r\n{}`,
        );
        await client.ended;
        expect(client.text()).to.match(/^HTTP\/1\.1 409 Conflict\r\n[^]*\r\n\r\n\{"message":"not now"\}$/);
      }
      expect(docker.calls).to.deep.equal([]);
    });
  });

  it('is refused where it is not what it should be', async () => {
    const nonsense: [reply: object, text: string][] = [
      [{ PowerstripProtocolVersion: 1 }, 'PowerstripProtocolVersion: expected 2'],
      [{ ...VERSION, ModifedClientRequest: {} }, 'ModifedClientRequest'],
      [{ ...VERSION, Continue: false }, 'expected ServerResponse where Continue is false'],
      [{ ...VERSION, ServerResponse: { Code: 200 } }, 'expected ServerResponse where Continue is false'],
      [{ ...VERSION, Continue: false, ServerResponse: { Code: 101 } }, 'ServerResponse.Code'],
      [
        {
          ...VERSION,
          Continue: false,
          ServerResponse: { Code: 200, Headers: { 'content-type': 'text/plain' }, Body: {} },
        },
        'ServerResponse.Body: expected a string',
      ],
      [
        { ...VERSION, ModifiedClientRequest: { Headers: { 'Transfer-Encoding': 'chunked' } } },
        "is the proxy's own",
      ],
      [
        { ...VERSION, ModifiedClientRequest: { Headers: { 'content-type': 'text/plain' } } },
        "is the proxy's own",
      ],
      [
        { ...VERSION, ModifiedClientRequest: { Headers: { a: 'b\r\nc: d' } } },
        'expected the value of a header',
      ],
      [{ ...VERSION, ModifiedClientRequest: { Headers: { 'a b': 'c' } } }, 'expected the name of a header'],
      [
        { ...VERSION, ModifiedClientRequest: { Request: '/v1.41/containers/other/start' } },
        'not the endpoint',
      ],
      [
        { ...VERSION, ModifiedClientRequest: { Body: { Image: 'a', HostConfig: {}, hostconfig: {} } } },
        'the body that it returned: the body of a call with hooks says HostConfig twice',
      ],
    ];
    for (const [reply, text] of nonsense) {
      const { proxy: harness } = await startHooked2(docker, [
        (hook) => (hook.Type === 'pre-hook' ? reply : VERSION),
      ]);
      const { status, body } = await create2(harness);
      expect(status, text).to.equal(502);
      expect(body).to.include(text);
    }
    expect(docker.calls).to.deep.equal([]);
  });
});
