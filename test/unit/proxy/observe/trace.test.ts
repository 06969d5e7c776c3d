import http from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import { mask } from '../../../../lib/hook/mask.js';
import { changesOf } from '../../../../lib/proxy/observe/trace/changes.js';
import { formatTrace } from '../../../../lib/proxy/observe/trace/format-trace.js';
import { serveTrace } from '../../../../lib/proxy/observe/trace/serve-trace.js';
import type { Trace } from '../../../../lib/proxy/observe/trace/trace.js';
import { watchTrace } from '../../../../lib/proxy/observe/trace/watch-trace.js';
import { closeAll, pre, post, Raw, startAdapter, startProxy } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

describe('a trace', () => {
  afterEach(closeAll);

  it('shows what each hook changed, without secrets', async () => {
    const server = http.createServer((req, res) => {
      req.resume();
      req.on('end', () => res.writeHead(201, { 'Content-Type': 'application/json' }).end('{"Id":"1"}'));
    });
    const adapter = await startAdapter((hook) => {
      if (hook.ServerResponse) return post(hook, { Code: 202 });
      if (hook.ClientRequest.Body?.includes('bad')) return Raw.status(403, 'no');
      return pre(hook, {
        Body: '{"Image":"b","Env":["PASSWORD=geheim","A=1"],"HostConfig":{"NetworkMode":"none"}}',
      });
    });
    const harness = await startProxy(
      server,
      `endpoints: { "POST /containers/create": { pre: [a], post: [a] } }\nadapters: { a: "${adapter.url}" }\n`,
    );
    const create = (body: string) =>
      harness.call('POST', '/v1.41/containers/create?token=abc', {
        body,
        headers: { 'Content-Type': 'application/json', 'X-Registry-Auth': 'geheim' },
      });
    await create('{}');
    const socket = join(harness.dir, 'trace.sock');
    const address = { text: `unix://${socket}`, kind: 'unix', path: socket } as const;
    const end = await serveTrace(harness.proxy.trace, address);
    const stop = new AbortController();
    const seen: Trace[] = [];
    const watching = (async () => {
      for await (const trace of watchTrace(address, stop.signal)) seen.push(trace);
    })();
    await until(() => harness.proxy.trace.isWatched());
    await create('{"Image":"b","Env":["PASSWORD=geheim"]}');
    await create('{"bad":1}');
    await until(() => seen.length === 2);
    stop.abort();
    await watching;
    await until(() => !harness.proxy.trace.isWatched());
    end();

    const [changed, refused] = seen;
    expect(JSON.stringify(seen)).to.not.include('geheim').and.not.include('abc');
    expect(changed).to.deep.include({
      method: 'POST',
      url: '/v1.41/containers/create?token=***',
      status: 202,
    });
    expect(changed?.docker?.status).to.equal(201);
    expect(changed?.hooks.map(({ adapter: name, hook, changes }) => ({ name, hook, changes }))).to.deep.equal(
      [
        {
          name: 'a',
          hook: 'pre-hook',
          changes: [
            { path: 'Body.Env[1]', to: 'A=***' },
            { path: 'Body.HostConfig', to: { NetworkMode: 'none' } },
          ],
        },
        { name: 'a', hook: 'post-hook', changes: [{ path: 'Code', from: 201, to: 202 }] },
      ],
    );
    expect(refused).to.deep.include({ status: 403, docker: null });
    const text = formatTrace(changed!);
    expect(text).to.match(/^ {2}pre-hook {2}a {2}[\d.]+ ms\n {4}\+ Body\.Env\[1\]: "A=\*\*\*"$/m);
    expect(text).to.match(/^ {2}docker {2}201 {2}\d+ ms\n {2}post-hook {2}a {2}.*\n {4}~ Code: 201 -> 202$/m);
    expect(formatTrace(refused!)).to.match(/pre-hook {2}a {2}.* refused: no\n {2}= 403/);
  });

  it('leaves the terminal of whoever watches alone', () => {
    const step = { adapter: 'a', hook: 'pre-hook', result: 'refused', ms: 1 } as const;
    const hooks: Trace['hooks'] = [
      { ...step, message: 'no \x1b[2J\r', changes: [] },
      { ...step, result: 'ok', changes: [{ path: 'Image', to: '\x9b2J' }] },
    ];
    const trace = { time: 't', id: 'i', endpoint: 'e', method: 'POST', url: '/\x9b2J', caller: null, hooks };
    const text = formatTrace({ ...trace, docker: null, status: 403, ms: 1 });
    expect(text)
      .to.include('refused: no \\x1b[2J\\x0d')
      .and.include('/\\x9b2J')
      .and.include('Image: "\\x9b2J"');
    expect(text).to.not.match(/[^\n\P{Cc}]/u);
  });

  it('cannot be watched where no proxy is', async () => {
    const address = { text: 'unix:///nonexistent/x', kind: 'unix', path: '/nonexistent/x' } as const;
    const first = watchTrace(address, new AbortController().signal).next();
    const error = await first.then(
      () => undefined,
      (caught: Error) => caught,
    );
    expect(error?.message).to.match(/^cannot watch the proxy at unix:\/\/\/nonexistent\/x: is it running/);
  });
});

describe('changes', () => {
  it('are found at their places', () => {
    const was = { a: { b: 1, c: [1, 2] }, d: 'x', e: null };
    const is = { a: { b: 2, c: [1, 2, 3] }, e: {}, f: 0 };
    expect(changesOf(was, is)).to.deep.equal([
      { path: 'a.b', from: 1, to: 2 },
      { path: 'a.c[2]', to: 3 },
      { path: 'd', from: 'x' },
      { path: 'e', from: null, to: {} },
      { path: 'f', to: 0 },
    ]);
  });

  it('of secrets are told, not shown', () => {
    expect(changesOf({ password: 'a', Env: ['A=b'] }, { password: 'b', Env: ['A=c'] })).to.deep.equal([
      { path: 'password', from: '***', to: '***' },
      { path: 'Env[0]', from: 'A=***', to: 'A=***' },
    ]);
  });
});

describe('masking', () => {
  const cases: [what: string, value: unknown, expected: unknown][] = [
    ['variables', { Env: ['A=b', 'C', 'D='] }, { Env: ['A=***', 'C', 'D=***'] }],
    ['build arguments', { BuildArgs: { A: 'b' } }, { BuildArgs: { A: '***' } }],
    [
      'headers',
      { 'x-registry-auth': 'e30=', 'X-Registry-Config': 'e30=', authorization: 'Basic x' },
      { 'x-registry-auth': '***', 'X-Registry-Config': '***', authorization: '***' },
    ],
    [
      'fields at any depth',
      { a: [{ IdentityToken: 'x', Password: '' }] },
      { a: [{ IdentityToken: '***', Password: '' }] },
    ],
    [
      'labels by their name',
      { Labels: { 'db.password': 'x', author: 'me' } },
      { Labels: { 'db.password': '***', author: 'me' } },
    ],
    ['passwords in URLs', { Cmd: ['curl', 'https://u:p@h/x'] }, { Cmd: ['curl', 'https://u:***@h/x'] }],
    ["a secret's content", { Name: 'x', Data: 'aGk=' }, { Name: 'x', Data: '***' }],
    [
      "a request's parameters",
      { Request: '/build?t=x&buildargs=%7B%7D&token=1' },
      { Request: '/build?t=x&buildargs=***&token=***' },
    ],
    [
      'all parameters, also those with ? or a password in them',
      { Request: '/build?t=a?b&remote=https%3A%2F%2Fu%3Ap%40h%2Fx&token=1&q=%' },
      { Request: '/build?t=a?b&remote=***&token=***&q=%' },
    ],
    [
      'nothing else',
      { Image: 'x', Memory: 1, Tty: true, Volumes: { '/a': {} } },
      { Image: 'x', Memory: 1, Tty: true, Volumes: { '/a': {} } },
    ],
  ];
  for (const [what, value, expected] of cases) {
    it(`covers ${what}`, () => expect(mask(value)).to.deep.equal(expected));
  }
});
