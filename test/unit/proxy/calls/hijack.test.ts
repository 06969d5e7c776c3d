import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  closeAll,
  pre,
  Raw,
  startAdapter,
  startProxy,
  type Harness,
} from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
const AGREED = 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';

/** How Docker gets the body of a call that becomes a stream. */
describe('the body of a hijacked call', () => {
  let proxy: Harness;
  /** What a Docker that answers nothing by itself has got, as it came. */
  let pieces: string[];
  let docker: net.Socket;
  let bodies: unknown[];

  /** How long the hook takes, in milliseconds. */
  let delay: number;

  beforeEach(async () => {
    pieces = [];
    delay = 0;
    const server = net.createServer((socket) => {
      docker = socket.setEncoding('latin1').on('error', () => undefined);
      socket.on('data', (piece: string) => pieces.push(piece));
    });
    const adapter = await startAdapter(
      (hook) => new Raw((res) => void setTimeout(() => res.end(JSON.stringify(pre(hook))), delay)),
    );
    bodies = adapter.seen;
    proxy = await startProxy(
      server,
      `endpoints: { "POST /exec/*": { pre: [a] } }\nadapters: { a: "${adapter.url}" }\nlimits: { hookBody: 100B }\n`,
    );
  });
  afterEach(closeAll);

  function post(path: string, headers: string, body = '') {
    const client = proxy.connect();
    client.socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n${body}`,
      'latin1',
    );
    return client;
  }
  const seen = () => bodies.map((hook) => (hook as { ClientRequest: { Body: string } }).ClientRequest.Body);

  for (const path of ['/containers/x/attach', '/exec/1/start']) {
    it(`of ${path} comes with its headers, which keep their bytes`, async () => {
      post(path, `${UPGRADE}X: caf\xe9\r\nContent-Length: 10\r\n`, '{"a":"\xc3\xa9"}');
      await until(() => pieces.length > 0);
      expect(pieces[0]).to.match(/\r\nX: caf\xe9\r\n[^]*\r\n\r\n\{"a":"\xc3\xa9"\}$/);
    });
  }

  it('ends the connection when another such call was sent ahead behind it: Docker would take it for input', async () => {
    const attach = 'POST /containers/x/attach HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}';
    const client = proxy.connect();
    client.socket.write(attach + attach);
    await until(() => client.socket.destroyed || client.socket.readableEnded);
    expect(pieces.join('').match(/attach/g) ?? []).to.have.length.lessThan(2);
  });

  it('is what stands in its chunks, for hooks and for Docker', async () => {
    const client = post('/exec/1/start', `${UPGRADE}Transfer-Encoding: chunked\r\n`, '4;x=y\r\n{"a"\r\n3');
    await sleep(10);
    client.socket.write('\r\n:1}\r\n0\r\n\r\nstdin');
    await until(() => pieces.length > 0);
    expect(seen()).to.deep.equal(['{"a":1}']);
    expect(pieces.join('')).to.match(/\r\nContent-Length: 7\r\n[^]*\r\n\r\n\{"a":1\}$/);
    docker.write(AGREED);
    await until(() => pieces.join('').endsWith('{"a":1}stdin'));
  });

  for (const framing of ['Transfer-Encoding: chunked', 'Content-Length: 4000000']) {
    it(`that is too large leaves no connection behind (${framing})`, async () => {
      const client = post(
        '/exec/1/start',
        `${UPGRADE}${framing}\r\n`,
        `10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(40),
      );
      await client.until(' 413 ');
      // Clients that send all before they read get so far.
      await until(() => client.socket.writableLength === 0);
      client.socket.destroy();
      let open = '';
      await until(() => {
        void proxy.proxy.metrics.text().then((text) => (open = text));
        return open.includes('powerstrip_client_connections 0\n');
      });
    });
  }

  it('may be empty in chunks, as clients of BuildKit send it', async () => {
    post('/exec/1/start', `${UPGRADE}Transfer-Encoding: chunked\r\n`, '0\r\n\r\n');
    await until(() => pieces.length > 0);
    expect(pieces.join('')).to.not.match(/content-length|transfer-encoding/i);
  });

  it('is refused when its chunks are broken or too many', async () => {
    const chunk = `40\r\n${'x'.repeat(64)}\r\n`;
    for (const [body, status] of [
      ['zz\r\n', 400],
      [chunk + chunk, 413],
    ] as const) {
      const client = post('/exec/1/start', `${UPGRADE}Transfer-Encoding: chunked\r\n`, body);
      await client.ended;
      expect(client.text()).to.match(new RegExp(`^HTTP/1.1 ${status} `));
    }
    expect(pieces).to.deep.equal([]);
  });

  for (const [how, path, headers] of [
    ['with hooks', '/exec/1/start', UPGRADE],
    ['in the old way', '/containers/x/attach', ''],
  ] as const) {
    it(`is asked for, ${how}, when the client waits for that`, async () => {
      const client = post(path, `${headers}Expect: 100-continue\r\nContent-Length: 2\r\n`);
      expect(await client.until('\r\n\r\n')).to.equal('HTTP/1.1 100 Continue\r\n\r\n');
      client.socket.write('{}');
      await until(() => pieces.join('').endsWith('\r\n\r\n{}'));
      expect(pieces.join('')).to.not.match(/expect/i);
    });
  }

  for (const body of ['', '{}']) {
    it(`is followed by what the client sends while hooks run (body: ${body || 'none'})`, async () => {
      delay = 100;
      const client = post('/exec/1/start', `Content-Length: ${body.length}\r\n`, body);
      await until(() => bodies.length > 0);
      client.socket.write('stdin');
      await until(() => pieces.length > 0);
      docker.write('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n');
      await until(() => pieces.join('').endsWith(`\r\n\r\n${body}stdin`));
    });
  }
});
