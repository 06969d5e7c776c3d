import http from 'node:http';
import { expect } from 'chai';
import type { Log } from '../../../../lib/base/log.js';
import { useDocker } from '../../../support/proxy/fake-docker.js';
import { create, created, echo } from '../../../support/proxy/hooked.js';
import {
  closeAll,
  startAdapter,
  startProxy,
  type Harness,
  type HookSeen,
} from '../../../support/proxy/harness.js';

const LARGE = `[${'"x",'.repeat(500)}"x"]`;
const JSON_TYPE = { 'Content-Type': 'application/json' };
const CHUNKED = { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' };
const IGNORED = (hook: string) => `_count{adapter="a",type="${hook}",result="ignored"} 1\n`;

describe('a body that is too large for its hooks', () => {
  const docker = useDocker(created);
  let seen: HookSeen[];
  let warnings: unknown[];
  afterEach(closeAll);

  /** Adapter `a` can be spared, `b` cannot. @param pre @param post names of adapters */
  async function start(pre: string, post: string, server = docker.server()): Promise<Harness> {
    const adapter = await startAdapter(echo);
    seen = adapter.seen;
    warnings = [];
    const log = {
      info: () => undefined,
      warn: (message: string, fields: object) => warnings.push({ message, ...fields }),
    } as unknown as Log;
    return startProxy(
      server,
      `limits: { hookBody: 1KiB }\nendpoints: { "* /containers/*": { pre: [${pre}], post: [${post}] } }\n` +
        `adapters: { a: { url: "${adapter.url}", onFailure: ignore }, b: "${adapter.url}" }\n`,
      log,
    );
  }

  for (const headers of [{ ...JSON_TYPE, 'Content-Length': LARGE.length }, CHUNKED]) {
    const how = 'Content-Length' in headers ? 'with a length' : 'in chunks';

    it(`comes from Docker without them, if they can be spared, and that is told (${how})`, async () => {
      docker.answer = (res) => res.writeHead(200, headers).end(LARGE);
      const proxy = await start('', 'a');
      const reply = await proxy.call('GET', '/containers/json');
      expect([reply.status, reply.body]).to.deep.equal([200, LARGE]);
      expect(seen).to.deep.equal([]);
      expect(await proxy.proxy.metrics.text()).to.include(IGNORED('post-hook'));
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include({
        message: 'went on without an adapter',
        adapter: 'a',
        hook: 'post-hook',
      });
      expect(warnings[0])
        .to.have.property('reason')
        .that.matches(/larger than limits\.hookBody \(1024 bytes\)$/);
    });

    it(`goes to Docker without them, as it was sent (${how})`, async () => {
      const body = `{"Image": "busybox", "image": "b", "Env": ${LARGE}}`;
      const proxy = await start('a', 'a');
      const sent = 'Content-Length' in headers ? { ...headers, 'Content-Length': body.length } : headers;
      const reply = await proxy.call('POST', '/containers/create', { headers: sent, body });
      expect(reply.status).to.equal(201);
      expect(docker.calls.map((call) => call.body)).to.deep.equal([body]);
      expect(seen).to.deep.equal([]);
      const metrics = await proxy.proxy.metrics.text();
      for (const hook of ['pre-hook', 'post-hook']) expect(metrics).to.include(IGNORED(hook));
    });
  }

  it('goes to Docker from a client that waits to be asked for it', async () => {
    const proxy = await start('a', '');
    const client = proxy.connect();
    client.socket.write(
      `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${LARGE.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write(LARGE);
    await client.until('HTTP/1.1 201 ');
    expect(docker.calls.map((call) => call.body)).to.deep.equal([LARGE]);
    expect(docker.calls[0]?.headers.expect).to.equal(undefined);
  });

  it('comes as it is sent, not when it is all there, and breaks off when Docker does', async () => {
    let answer: http.ServerResponse | undefined;
    const server = http.createServer((_, res) => {
      answer = res.writeHead(200, JSON_TYPE);
      res.write(LARGE);
    });
    const client = (await start('', 'a', server)).connect();
    client.socket.write('GET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n');
    await client.until('"x"]');
    answer?.destroy();
    await client.ended;
    expect(client.text()).not.to.match(/0\r\n\r\n$/);
  });

  it('is shown to no hook where one of them cannot be spared: the call is refused', async () => {
    docker.answer = (res) => res.writeHead(200, JSON_TYPE).end(LARGE);
    for (const [pre, post] of [
      ['b', ''],
      ['a, b', ''],
      ['a', 'b'],
    ] as const) {
      const refused = await create(await start(pre, post), LARGE);
      expect([refused.status, docker.calls, seen]).to.deep.equal([413, [], []]);
      expect(refused.body).to.match(/the body of .* is larger than limits\.hookBody \(1024 bytes\)/);
    }
    const refused = await (await start('', 'a, b')).call('GET', '/containers/json');
    expect([refused.status, seen]).to.deep.equal([413, []]);
    expect(refused.body).to.match(/Docker's answer to .* is larger than limits\.hookBody/);
  });
});
