import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => void;

describe('a call without hooks', () => {
  let proxy: Harness;
  let docker: http.Server;

  async function start(listener: Listener, yaml?: string): Promise<void> {
    docker = http.createServer({ maxHeaderSize: 1 << 21 }, listener);
    proxy = await startProxy(docker, yaml);
  }
  afterEach(closeAll);

  /** What dockerd would read, to the byte, from a client that sends `text`; it answers with `answer`. */
  async function exchange(text: string, answer: string): Promise<{ sent: string; received: string }> {
    let sent = '';
    proxy = await startProxy(
      net.createServer((socket) => {
        socket.setEncoding('latin1');
        socket.on('error', () => undefined);
        socket.on('data', (chunk: string) => {
          if (sent === '') socket.write(answer, 'latin1');
          sent += chunk;
        });
      }),
    );
    const client = proxy.connect();
    client.socket.write(text, 'latin1');
    await until(() => client.text().length >= answer.length);
    await sleep(20);
    return { sent, received: client.text() };
  }

  const sorted = (head: string): string[] => head.split('\r\n').filter(Boolean).sort();

  it('reaches Docker as it was sent', async () => {
    const text =
      'POST //a/%2e%2E/b%2fc/../d?x=[1]&y="z"&& HTTP/1.1\r\nHOST: dOcker\r\nX-Dup: 1\r\nX-Registry-Auth: a==\r\nx-dup: 2\r\nX-Latin: \xe9\r\nContent-Length: 3\r\n\r\nabc';
    const { sent } = await exchange(text, 'HTTP/1.1 204 No Content\r\n\r\n');
    const [head = '', body] = sent.split('\r\n\r\n');
    const expected = [
      ...text.split('\r\n\r\n')[0]!.replace('x-dup', 'X-Dup').split('\r\n'),
      'Connection: keep-alive',
    ].sort();
    expect(sorted(head)).to.deep.equal(expected);
    expect(body).to.equal('abc');
  });

  it('is answered as Docker answers', async () => {
    for (const answer of [
      'HTTP/1.1 200 Fine\r\nApi-Version: 1.45\r\nX-a: 1\r\nx-A: 2\r\nContent-Length: 3\r\nDate: now\r\n\r\nabc',
      'HTTP/1.1 200 OK\r\nOstype: linux\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nServer: Docker\r\n\r\n',
      'HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\nContent-Length: 0\r\n\r\n',
    ]) {
      const { received } = await exchange('GET /x HTTP/1.1\r\nHost: x\r\n\r\n', answer);
      expect(received).to.equal(answer);
      await proxy.close();
    }
  });

  it('in absolute form goes to Docker and to nowhere else', async () => {
    await start((req, res) => res.end(req.url));
    const client = proxy.connect();
    client.socket.write(
      'GET http://evil.example/v1.41/info?x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    await client.ended;
    expect(client.text()).to.match(/\r\n\r\n\/v1\.41\/info\?x$/);
  });

  it('keeps its body when it is a DELETE in chunks, and its body is no further call', async () => {
    const seen: string[] = [];
    await start((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        seen.push(`${req.method} ${req.url} ${body}`);
        res.end();
      });
    });
    const smuggled = 'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    await proxy.call('DELETE', '/x', { body: smuggled, headers: { 'Transfer-Encoding': 'chunked' } });
    await sleep(50);
    expect(seen).to.deep.equal([`DELETE /x ${smuggled}`]);
  });

  it('may have large headers, and many', async () => {
    await start((req, res) =>
      res.end(`${req.headers['x-registry-config']?.length} ${req.rawHeaders.length}`),
    );
    docker.maxHeadersCount = 0;
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`x-${index}`, '1']));
    const reply = await proxy.call('POST', '/build', {
      headers: { 'X-Registry-Config': 'x'.repeat(900_000), ...many },
    });
    expect(reply.body).to.match(/^900000 60\d\d$/);
  });

  it('may be HTTP/1.0', async () => {
    await start((_, res) => {
      res.write('a');
      res.end('b');
    });
    const client = proxy.connect();
    client.socket.write('GET /info HTTP/1.0\r\n\r\n');
    await client.ended;
    expect(client.text())
      .to.match(/\r\n\r\nab$/)
      .and.not.match(/chunked/i);
  });

  it('may be one of several on a connection', async () => {
    await start((req, res) => setTimeout(() => res.end(req.url), req.url === '/1' ? 50 : 0));
    const client = proxy.connect();
    client.socket.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('/2');
    expect(client.text().indexOf('/1')).to.be.greaterThan(0).and.lessThan(client.text().indexOf('/2'));
  });

  it('is refused when it could be read in two ways', async () => {
    const seen: string[] = [];
    await start((req, res) => {
      seen.push(req.url ?? '');
      res.end();
    });
    for (const text of [
      'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde',
      'POST /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n folded: 2\r\n\r\n',
      'POST /a HTTP/1.1\nHost: x\nContent-Length: 0\n\n',
      'POST foo:/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    ]) {
      const client = proxy.connect();
      client.socket.write(text);
      await client.ended;
      expect(client.text(), text).to.match(/^HTTP\/1\.1 400 /);
    }
    expect(seen).to.deep.equal([]);
  });

  it('may have any bytes in it, and the proxy survives', async () => {
    await start((req, res) => res.end('fine'));
    const clients = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).flatMap((byte) =>
      [
        `GET /a${byte}b HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET /a HTTP/1.1\r\nHost: x\r\nX-${byte}: 1\r\n\r\n`,
        `GET /a HTTP/1.1\r\nHost: x\r\nX-A: a${byte}b\r\n\r\n`,
        `P${byte}ST /a HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET http://${byte}/a HTTP/1.1\r\nHost: x\r\n\r\n`,
      ].map((text) => {
        const client = proxy.connect();
        client.socket.end(text, 'latin1');
        return client;
      }),
    );
    await Promise.all(clients.map(({ ended }) => ended));
    expect((await proxy.call('GET', '/after')).body).to.equal('fine');
  });

  it('to BuildKit is refused where BuildKit is not wanted', async () => {
    await start((_, res) => res.end(), 'buildkit: deny\n');
    for (const path of ['/session', '/v1.41/grpc']) {
      const client = proxy.connect();
      client.socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
      await client.ended;
      expect(client.text()).to.match(/^HTTP\/1\.1 403 [^]*buildkit: deny/);
    }
  });
});
