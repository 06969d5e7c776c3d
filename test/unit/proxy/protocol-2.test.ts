import http from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { HookCall, Unwind } from '../../../lib/hook/v2.js';
import {
  closeAll,
  eventually,
  post as post1,
  pre as pre1,
  Raw,
  startAdapter,
  startProxy,
  type Harness,
  type HookSeen,
} from './harness.js';

const VERSION = { PowerstripProtocolVersion: 2 };
const JSON_TYPE = { 'Content-Type': 'application/json' };
type Hook2 = (hook: HookCall) => unknown;

describe('hook protocol 2', () => {
  let calls: { line: string; headers: http.IncomingHttpHeaders; body: string }[];
  let answer: (res: http.ServerResponse) => void;

  beforeEach(() => {
    calls = [];
    answer = (res) => res.writeHead(201, JSON_TYPE).end('{"Id":"1","Big":9223372036854775807}\n');
  });
  afterEach(closeAll);

  const docker = (): http.Server =>
    http.createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req.on('data', (chunk: string) => (body += chunk));
      req.on('end', () => {
        calls.push({ line: `${req.method} ${req.url}`, headers: req.headers, body });
        answer(res);
      });
    });

  /** Adapters a, b, …: before and after create and exec, as far as `sides` says. */
  async function proxy(
    adapters: Hook2[],
    {
      pre = 'abc',
      post = 'abc',
      settings = '',
      server = docker(),
    }: { pre?: string; post?: string; settings?: string; server?: http.Server | null } = {},
  ): Promise<{ proxy: Harness; seen: HookCall[][] }> {
    const started = await Promise.all(
      adapters.map((adapter) => startAdapter((hook) => adapter(hook as unknown as HookCall))),
    );
    const names = started.map((_, index) => 'abc'[index]!);
    const list = (side: string) => `[${names.filter((name) => side.includes(name)).join(', ')}]`;
    const lines = started.map(
      ({ url }, index) => `${names[index]}: { url: "${url}", protocol: 2${settings} }`,
    );
    const hooks = `{ pre: ${list(pre)}, post: ${list(post)} }`;
    const harness = await startProxy(
      server ?? undefined,
      `endpoints: { "POST /containers/create": ${hooks}, "POST /exec/*/start": { pre: ${list(pre)} } }\nadapters: { ${lines.join(', ')} }\n`,
    );
    return { proxy: harness, seen: started.map(({ seen }) => seen as unknown as HookCall[]) };
  }

  const create = (harness: Harness, body = '{"Image":"busybox","Big":9223372036854775807}', headers = {}) =>
    harness.call('POST', '/v1.41/containers/create?name=web', {
      body,
      headers: { ...JSON_TYPE, ...headers },
    });
  const nothing: Hook2 = () => VERSION;
  const unwinds = (seen: HookCall[] | undefined) =>
    (seen ?? []).filter((hook): hook is Unwind => hook.Type === 'unwind');

  it('tells who calls, what for, and gives JSON as JSON', async () => {
    const { proxy: harness, seen } = await proxy([nothing]);
    const reply = await create(harness, undefined, { 'X-Meta': ['a', 'b'] });
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
    expect(calls[0]?.body).to.equal('{"Image":"busybox","Big":9223372036854775807}');
    expect(calls[0]?.headers['x-meta']).to.equal('a, b');
  });

  it('has changes of body, query and headers, and leaves the rest as it was', async () => {
    const { proxy: harness, seen } = await proxy([
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
    const reply = await create(harness, undefined, { 'X-Meta': 'a' });
    expect(calls[0]?.line).to.equal('POST /v1.41/containers/create?name=web&x=1');
    expect(calls[0]?.body).to.equal('{"Image":"busybox","Big":9223372036854775807,"Labels":{"a":"b"}}');
    expect(calls[0]?.headers).to.include({ 'x-registry-auth': 'key' }).and.not.have.property('x-meta');
    expect(seen[1]?.[0]?.ClientRequest).to.deep.include({ Request: '/v1.41/containers/create?name=web&x=1' });
    expect(seen[1]?.[0]?.ClientRequest.Headers).to.include({ 'x-registry-auth': 'key' });
    expect(reply).to.include({ status: 202, body: '{"Id":"2","Big":9223372036854775807}' });
    expect(reply.headers['x-more']).to.equal('yes');
  });

  it('may share a chain with version 1', async () => {
    const old = await startAdapter((hook: HookSeen) =>
      hook.ServerResponse
        ? post1(hook, { Code: 299 })
        : pre1(hook, { Body: hook.ClientRequest.Body!.replace('busybox', 'alpine') }),
    );
    const { proxy: harness, seen } = await proxy([nothing]);
    const url = (await startAdapter(() => VERSION)).url;
    await harness.reload(
      `endpoints: { "POST /containers/create": { pre: [old, new], post: [new, old] } }\nadapters: { old: "${old.url}", new: { url: "${url}", protocol: 2 } }\n`,
    );
    expect(await create(harness)).to.include({ status: 299 });
    expect(calls[0]?.body).to.equal('{"Image":"alpine","Big":9223372036854775807}');
    expect(old.seen.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'post-hook']);
    expect(seen[0]).to.deep.equal([]);
  });

  describe('answers in the place of Docker', () => {
    const instead =
      (ServerResponse: object): Hook2 =>
      (hook) =>
        hook.Type === 'pre-hook' ? { ...VERSION, Continue: false, ServerResponse } : VERSION;

    it('with JSON, and later hooks and Docker hear nothing', async () => {
      const { proxy: harness, seen } = await proxy([
        nothing,
        instead({ Code: 201, Headers: { 'X-Cache': 'hit' }, Body: { Id: 'cached' } }),
        nothing,
      ]);
      const reply = await create(harness);
      expect(reply).to.include({ status: 201, body: '{"Id":"cached"}' });
      expect(reply.headers).to.include({ 'content-type': 'application/json', 'x-cache': 'hit' });
      expect(calls).to.deep.equal([]);
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
      const text = await proxy([
        instead({ Code: 418, Headers: { 'Content-Type': 'text/plain' }, Body: 'tea' }),
      ]);
      const reply = await create(text.proxy);
      expect(reply).to.include({ status: 418, body: 'tea' });
      expect(reply.headers['content-length']).to.equal('3');
      const empty = await proxy([instead({ Code: 204 })]);
      expect(await create(empty.proxy)).to.include({ status: 204, body: '' });
    });

    it('also of a call that would be hijacked', async () => {
      const { proxy: harness } = await proxy([instead({ Code: 409, Body: { message: 'not now' } })]);
      for (const upgrade of ['Connection: Upgrade\r\nUpgrade: tcp\r\n', '']) {
        const client = harness.connect();
        client.socket.write(
          `POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${upgrade}Content-Length: 2\r\n\r\n{}`,
        );
        await client.ended;
        expect(client.text()).to.match(/^HTTP\/1\.1 409 Conflict\r\n[^]*\r\n\r\n\{"message":"not now"\}$/);
      }
      expect(calls).to.deep.equal([]);
    });
  });

  describe('unwinds', () => {
    it('what ran, last first, when a later hook says no; not the one that did', async () => {
      const order: string[] = [];
      const note =
        (name: string): Hook2 =>
        (hook) => {
          order.push(`${name} ${hook.Type}`);
          return VERSION;
        };
      const { proxy: harness, seen } = await proxy([note('a'), note('b'), () => Raw.status(403, 'no')]);
      expect(await create(harness)).to.include({ status: 403, body: '{"message":"adapter c: no"}\n' });
      expect(order).to.deep.equal(['a pre-hook', 'b pre-hook', 'b unwind', 'a unwind']);
      expect(unwinds(seen[0])[0]).to.deep.include({
        Hook: 'pre-hook',
        RequestId: seen[0]?.[0]?.RequestId,
        Reason: { By: 'adapter', Adapter: 'c', Code: 403, Message: 'adapter c: no' },
      });
      expect(seen[2]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook']);
      expect(calls).to.deep.equal([]);
    });

    it('with the request as the hook returned it', async () => {
      const { proxy: harness, seen } = await proxy([
        (hook) =>
          hook.Type === 'pre-hook'
            ? { ...VERSION, ModifiedClientRequest: { Body: { Image: 'x' } } }
            : VERSION,
        () => Raw.status(403, 'no'),
      ]);
      await create(harness);
      expect(unwinds(seen[0])[0]?.ClientRequest.Body).to.deep.equal({ Image: 'x' });
    });

    it('one that failed too, as it may have done its work', async () => {
      const { proxy: harness, seen } = await proxy(
        [nothing, (hook) => (hook.Type === 'pre-hook' ? new Raw(() => undefined) : VERSION)],
        { settings: ', timeout: 100ms' },
      );
      expect((await create(harness)).status).to.equal(504);
      expect(unwinds(seen[1])[0]?.Reason).to.deep.include({ By: 'adapter', Adapter: 'b', Code: 504 });
      expect(unwinds(seen[0])).to.have.length(1);
    });

    it('hooks before Docker when Docker says no; those after it have seen that', async () => {
      answer = (res) => res.writeHead(404, JSON_TYPE).end('{"message":"No such image"}');
      const { proxy: harness, seen } = await proxy([nothing]);
      expect(await create(harness)).to.include({ status: 404, body: '{"message":"No such image"}' });
      expect(seen[0]?.map(({ Type }) => Type)).to.deep.equal(['pre-hook', 'post-hook', 'unwind']);
      expect(unwinds(seen[0])[0]?.Reason).to.deep.include({ By: 'docker', Code: 404 });
    });

    it('when Docker is not there', async () => {
      const { proxy: harness, seen } = await proxy([nothing], { server: null });
      expect((await create(harness)).status).to.equal(503);
      expect(unwinds(seen[0])[0]?.Reason).to.deep.include({ By: 'docker', Code: 503 });
    });

    it('both hooks of an adapter when a later hook after Docker says no', async () => {
      const { proxy: harness, seen } = await proxy([nothing, () => Raw.status(500, 'full')], { pre: 'a' });
      expect((await create(harness)).status).to.equal(500);
      expect(unwinds(seen[0]).map(({ Hook }) => Hook)).to.deep.equal(['post-hook', 'pre-hook']);
    });

    it('when the client leaves while a hook or Docker works', async () => {
      let wait: 'b' | 'docker' = 'b';
      answer = () => undefined;
      const { proxy: harness, seen } = await proxy([
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
        await eventually(() => (wait === 'b' ? b!.length === 1 : calls.length === 1));
        client.socket.destroy();
        await eventually(() => unwinds(a).length === 1 && unwinds(b).length === 1);
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
      const { proxy: harness, seen } = await proxy([nothing], { server });
      for (take of [false, true]) {
        const client = harness.connect();
        client.socket.write(
          'POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
        );
        await client.ended;
        client.socket.destroy();
      }
      await eventually(() => seen[0]?.length === 3);
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
      const { proxy: harness, seen } = await proxy([nothing], { server });
      const client = harness.connect();
      client.socket.write(
        'POST /v1.41/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
      );
      await client.until('hello');
      // What it has not read makes its end a reset.
      client.socket.pause();
      await sleep(30);
      client.socket.destroy();
      await eventually(() => more !== undefined && (more as { _destroyed?: boolean })._destroyed === true);
      expect(unwinds(seen[0])).to.deep.equal([]);
      expect((await create(harness)).status).to.equal(201);
    });

    it('whatever adapters make of that, and the client has its answer', async () => {
      const { proxy: harness, seen } = await proxy([
        nothing,
        (hook) => (hook.Type === 'unwind' ? Raw.status(500, 'cannot') : VERSION),
        (hook) => (hook.Type === 'pre-hook' ? Raw.status(403, 'no') : VERSION),
      ]);
      expect((await create(harness)).status).to.equal(403);
      expect(unwinds(seen[0])).to.have.length(1);
    });

    it('before a proxy that stops is gone', async () => {
      answer = () => undefined;
      let unwound = false;
      const { proxy: harness } = await proxy([
        (hook) =>
          hook.Type === 'unwind'
            ? new Raw((res) => void setTimeout(() => ((unwound = true), res.end('{}')), 100))
            : VERSION,
      ]);
      const call = create(harness).catch((error: unknown) => error);
      await eventually(() => calls.length === 1);
      await harness.stop(300);
      expect(unwound).to.equal(true);
      expect(await call).to.be.instanceOf(Error);
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
      const { proxy: harness } = await proxy([(hook) => (hook.Type === 'pre-hook' ? reply : VERSION)]);
      const { status, body } = await create(harness);
      expect(status, text).to.equal(502);
      expect(body).to.include(text);
    }
    expect(calls).to.deep.equal([]);
  });

  describe('in process', () => {
    const module = (harness: Harness, name: string, text: string): string => {
      const file = join(harness.dir, name);
      writeFileSync(file, text);
      return file;
    };
    const create_ = '"POST /containers/create"';

    async function load(text: string, settings = ''): Promise<Harness> {
      const harness = await startProxy(docker());
      const file = module(harness, 'adapter.mjs', text);
      await harness.reload(
        `endpoints: { ${create_}: { pre: [m], post: [m] } }\nadapters: { m: { module: ${file}${settings} } }\n`,
      );
      return harness;
    }

    it('has the same documents', async () => {
      const harness = await load(
        `export default ({ options, name }) => ({
          pre: ({ ClientRequest, Caller }) => ({ ModifiedClientRequest: { Body: { ...ClientRequest.Body, Labels: { ...options, name, uid: String(Caller.Uid) } } } }),
          post: async ({ ServerResponse }) => { ServerResponse.Body.Id = 'ignored'; },
        });`,
        ', options: { a: b }',
      );
      expect(await create(harness)).to.include({
        status: 201,
        body: '{"Id":"1","Big":9223372036854775807}\n',
      });
      expect(calls[0]?.body).to.equal(
        `{"Image":"busybox","Big":9223372036854775807,"Labels":{"a":"b","name":"m","uid":"${process.getuid?.()}"}}`,
      );
    });

    it('says no, fails, is slow, or is ignored', async () => {
      const refusing = await load(
        `class No extends Error { status = 409; [Symbol.for('socketplane.adapter.refused')] = true }
         export default { pre() { throw new No('taken'); }, post() {} }`,
      );
      expect(await create(refusing)).to.include({ status: 409, body: '{"message":"adapter m: taken"}\n' });
      const failing = `export default { pre() { null.x; }, post() {} }`;
      const failed = await create(await load(failing));
      expect(failed.status).to.equal(502);
      expect(failed.body).to.match(
        /adapter m: it failed: Cannot read .* \(POST \/containers\/create, pre-hook\)/,
      );
      expect((await create(await load(failing, ', onFailure: ignore'))).status).to.equal(201);
      const slow = await load(
        `export default { pre: (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => globalThis.aborted = true)), post() {} }`,
        ', timeout: 50ms',
      );
      expect(await create(slow)).to.deep.include({ status: 504 });
      expect(globalThis).to.have.property('aborted', true);
    });

    it('is told of the end of a call and of its own', async () => {
      const harness = await load(
        `globalThis.told = [];
         export default { pre() {}, post() {}, unwind: ({ Reason, Hook }) => { told.push(Hook + ' ' + Reason.By); }, close: () => { told.push('closed'); } }`,
      );
      answer = (res) => res.writeHead(500, JSON_TYPE).end('{}');
      await create(harness);
      await harness.reload('');
      expect(globalThis).to.have.deep.property('told', ['pre-hook docker', 'closed']);
    });

    it('must be an adapter, and have the hooks that it is named for', async () => {
      const wrong: [text: string, message: RegExp][] = [
        ['export const x = 1;', /adapter m \(\S+\): has no default export/],
        ['export default 1;', /is not an adapter/],
        ['export default { before() {} };', /is not an adapter: neither pre nor post is a function/],
        [
          'export default { pre() {} };',
          /has no function post, but POST \/containers\/create has it under post/,
        ],
        [
          "export default () => { throw new Error('options.file: expected a path'); };",
          /options\.file: expected a path/,
        ],
        ['export default {', /adapter m \(\S+\): cannot be loaded: /],
      ];
      for (const [text, message] of wrong) {
        const error = await load(text).then(
          () => 'accepted',
          ({ message }: Error) => message,
        );
        expect(error).to.match(message);
      }
    });
  });
});
