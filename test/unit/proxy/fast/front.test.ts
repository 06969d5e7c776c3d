import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { createResponseFraming } from '../../../../lib/proxy/fast/response-framing.js';
import { readPlainHead } from '../../../../lib/proxy/fast/request-head.js';
import { closeAll, pre, startAdapter, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const GET = 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n';

describe('a client that keeps its connection', () => {
  let proxy: Harness;
  let docker: http.Server;
  let connections: net.Socket[];
  let calls: string[];

  async function start(yaml?: string): Promise<void> {
    connections = [];
    calls = [];
    docker = http.createServer((req, res) => {
      calls.push(`${req.method} ${req.url}`);
      req.resume();
      req.on('end', () => res.end(`<${req.url}>`));
    });
    docker.on('connection', (socket: net.Socket) => connections.push(socket));
    proxy = await startProxy(docker, yaml);
  }
  afterEach(closeAll);

  it('has one at Docker too', async () => {
    await start();
    const client = proxy.connect();
    for (let count = 1; count <= 3; count++) {
      client.socket.write(`GET /${count} HTTP/1.1\r\nHost: d\r\n\r\n`);
      await client.until(`</${count}>`);
    }
    expect(connections).to.have.length(1);
  });

  it('may send calls ahead: each is looked at', async () => {
    await start(
      'endpoints: { "POST /hooked": { pre: [no] } }\nadapters: { no: "http+unix://%2Fnonexistent%2Fa/" }\n',
    );
    const client = proxy.connect();
    client.socket.write(
      `${GET}HEAD /2 HTTP/1.1\r\nHost: d\r\n\r\n${GET}POST /hooked HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n` +
        `POST /3 HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhello${GET}`,
    );
    await client.until(/<\/info>[^]*<\/info>[^]*502 Bad[^]*<\/3>[^]*<\/info>/);
    expect(calls).to.deep.equal(['GET /info', 'HEAD /2', 'GET /info', 'POST /3', 'GET /info']);
  });

  it('may send a call in pieces', async () => {
    const adapter = await startAdapter((hook) => pre(hook));
    await start(`endpoints: { "GET /info": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\n`);
    const client = proxy.connect();
    client.socket.write('GET /1 HTTP/1.1\r\nHost: d\r\n\r\n');
    await client.until('</1>');
    for (const byte of `${GET}GET /2 HTTP/1.1\r\nHost: d\r\n\r\n`) {
      client.socket.write(byte);
      await sleep(1);
    }
    await client.until(/<\/info>[^]*<\/2>/);
    expect(adapter.seen.map(({ ClientRequest }) => ClientRequest.Request)).to.deep.equal(['/info']);
  });

  it('may send calls ahead and end its side', async () => {
    await start();
    const client = proxy.connect();
    client.socket.end(`${GET}GET /2 HTTP/1.1\r\nHost: d\r\n\r\n`);
    await client.until('</2>');
    await client.ended;
  });

  it('may send ahead what cannot go the fast way, end its side and vanish', async () => {
    await start();
    for (let count = 0; count < 20; count++) {
      const client = proxy.connect();
      client.socket.end(`${GET}PATCH /2 HTTP/1.1\r\nHost: d\r\n\r\n`);
      if (count % 2) await client.ended;
      else client.socket.destroy();
    }
    expect((await proxy.call('GET', '/still')).body).to.equal('</still>');
  });

  it('is closed when Docker closes its own', async () => {
    await start();
    const client = proxy.connect();
    client.socket.write(GET);
    await client.until('</info>');
    connections[0]!.end();
    await client.ended;
  });

  it('gets its answer when Docker closes the connection just then, unless that could do something twice', async () => {
    await start();
    const client = proxy.connect();
    for (const [line, expected] of [
      ['GET /again', '</again>'],
      ['POST /once', '502 Bad Gateway'],
    ] as const) {
      client.socket.write(GET);
      await client.until(/<\/info>$/);
      const kept = docker.listeners('request');
      docker.removeAllListeners('request');
      docker.once('request', (req: http.IncomingMessage) => {
        req.socket.destroy();
        for (const listener of kept) docker.on('request', listener as () => void);
      });
      client.socket.write(`${line} HTTP/1.1\r\nHost: d\r\n\r\n`);
      await client.until(expected);
    }
    expect(calls.filter((line) => line.includes('once'))).to.deep.equal([]);
    await client.ended;
  });

  it('is let go at Docker when it leaves, idle as it is', async () => {
    await start();
    const client = proxy.connect();
    client.socket.write(GET);
    await client.until('</info>');
    const closed = once(connections[0]!, 'close');
    client.socket.destroy();
    await closed;
  });

  it('is closed at once when it is idle and the proxy stops; a call under way is answered first', async () => {
    await start();
    const idle = proxy.connect();
    idle.socket.write(GET);
    await idle.until('</info>');
    const busy = proxy.connect();
    let answer: (() => void) | undefined;
    docker.removeAllListeners('request');
    docker.on('request', (_: unknown, res: http.ServerResponse) => (answer = () => res.end('late')));
    busy.socket.write(GET);
    await until(() => answer !== undefined);
    const stopped = proxy.stop(2_000);
    await idle.ended;
    answer?.();
    await busy.until('late');
    await busy.ended;
    await stopped;
  });

  it('never gets bytes that belong to no answer', async () => {
    for (const answer of [
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret',
      'HTTP/1.1 204 No Content\r\n\r\nsecret',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nsecret',
      'HTTP/1.1 101 UPGRADED\r\n\r\nsecret',
    ]) {
      proxy = await startProxy(
        net.createServer((socket) => {
          socket.on('error', () => undefined);
          socket.once('data', () => socket.write(answer));
        }),
      );
      const client = proxy.connect();
      client.socket.write(GET);
      await client.ended;
      expect(client.text()).not.to.include('secret');
      await proxy.close();
    }
  });
});

describe('the head of a plain request', () => {
  it('is one that can be read in one way only', () => {
    for (const text of [
      GET.replace('GET', 'PATCH'),
      GET.replace('GET', 'get'),
      GET.replace('/info', 'http://d/info'),
      GET.replace('/info', '/in fo'),
      GET.replace('/info', '/in\tfo'),
      GET.replace('1.1', '1.0'),
      GET.replace('\r\n', '\n'),
      GET.replace('Host: d', 'Host: d\nX: y'),
      GET.replace('Host: d', 'Host: d\rX: y'),
      GET.replace('Host: d', 'Host : d'),
      GET.replace('Host: d', 'Host: d\r\n folded'),
      GET.replace('Host: d', 'Host: d\r\nX\0: y'),
      GET.replace('Host: d', 'Host: d\r\nX: \0'),
      GET.replace('Host: d\r\n', ''),
      ` ${GET}`,
      `\r\n${GET}`,
      ...[
        'Content-Length: 1',
        'content-length:0',
        'Content-Length: 0\r\ncontent-length: 5',
        'Transfer-Encoding: chunked',
        'transfer-encoding:x',
        'Expect: 100-continue',
        'UPGRADE: tcp',
        'Connection: Upgrade',
        'Connection: keep-alive, upgrade',
        'Connection: close, te',
        'TE: trailers',
        'Trailer: x',
        'Proxy-Connection: close',
      ].map((header) => GET.replace('\r\n\r\n', `\r\n${header}\r\n\r\n`)),
    ]) {
      expect(readPlainHead(Buffer.from(text, 'latin1')), JSON.stringify(text)).to.equal(undefined);
    }
    expect(readPlainHead(Buffer.from(GET.slice(0, -1)))).to.equal(undefined);
  });

  it('has what everybody sends', () => {
    for (const header of ['Content-Length: 0', 'Connection: close', 'connection: keep-alive', 'Test: te']) {
      const text = GET.replace('\r\n\r\n', `\r\n${header}\r\n\r\n`);
      expect(readPlainHead(Buffer.from(`${text}more`))).to.deep.equal({
        method: 'GET',
        url: '/info',
        length: text.length,
      });
    }
  });
});

describe('the end of an answer', () => {
  const chunk = fc
    .tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';x=y', ' '))
    .map(([text, extension]) => `${Buffer.byteLength(text).toString(16)}${extension}\r\n${text}\r\n`);
  const answer = fc.oneof(
    fc.string().map((text) => `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`),
    fc
      .tuple(fc.array(chunk), fc.constantFrom('', 'X-T: 1\r\n', 'A: b\r\nC: d\r\n'))
      .map(
        ([chunks, trailer]) =>
          `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks.join('')}0\r\n${trailer}\r\n`,
      ),
    fc.constant('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
  );

  it('is found however the bytes come', () => {
    fc.assert(
      fc.property(answer, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (text, sizes) => {
        const bytes = Buffer.from(text);
        const end = createResponseFraming('GET');
        // As the proxy has them: each chunk is where the one before it was.
        const memory = Buffer.alloc(30);
        let at = 0;
        for (let index = 0; at < bytes.length; index++) {
          const size = bytes.copy(memory, 0, at, at + sizes[index % sizes.length]!);
          const state = end.push(memory.subarray(0, size));
          at += size;
          expect(state).to.equal(at >= bytes.length ? 'done' : 'open');
        }
      }),
    );
  });

  it('is not taken for one where bytes follow or chunks are wrong', () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    for (const body of ['x\r\n', '\r\n', '-1\r\n', '1\r\nab', 'fffffffffffff\r\n', '0\r\n\r\nx']) {
      expect(createResponseFraming('GET').push(Buffer.from(chunked + body)), body).to.equal('broken');
    }
    expect(createResponseFraming('GET').push(Buffer.from('SSH-2.0\r\n\r\n'))).to.equal('broken');
  });

  it('closes where the server says so', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
    const closing = createResponseFraming('GET');
    expect(closing.push(Buffer.from(text))).to.equal('done');
    expect(closing.closes()).to.equal(true);
    const open = createResponseFraming('GET');
    expect(open.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\nabc'))).to.equal('open');
    expect([open.mayEnd(), open.closes()]).to.deep.equal([true, false]);
    expect(
      createResponseFraming('HEAD').push(Buffer.from(text.replace('0', '9').replace(/Conn.*\r\n/, ''))),
    ).to.equal('done');
  });
});
