import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { closeAll, startProxy, type Harness, type RawClient } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const UPGRADE = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n';
const AGREED =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';
const AGREED_OLD = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n';

/** A Docker that speaks no HTTP: the test reads and writes what it would. */
interface RawDocker {
  received: string;
  socket: net.Socket;
  ended: boolean;
  closed: boolean;
}

describe('a hijacked call', () => {
  let proxy: Harness;
  let dockers: RawDocker[];

  beforeEach(async () => {
    dockers = [];
    proxy = await startProxy(
      net.createServer({ allowHalfOpen: true }, (socket) => {
        const docker: RawDocker = { received: '', socket, ended: false, closed: false };
        dockers.push(docker);
        socket.setEncoding('latin1');
        socket.on('data', (chunk: string) => (docker.received += chunk));
        socket.on('end', () => (docker.ended = true));
        socket.on('close', () => (docker.closed = true));
        socket.on('error', () => undefined);
      }),
    );
  });
  afterEach(closeAll);

  async function open(head: string): Promise<{ client: RawClient; docker: RawDocker }> {
    const client = proxy.connect();
    client.socket.write(`${head}\r\n`);
    await until(() => dockers[0]?.received.includes('\r\n\r\n') ?? false);
    return { client, docker: dockers[0]! };
  }

  const kinds: [name: string, head: string, agreed: string][] = [
    ['with an upgrade', `POST /v1.41/containers/x/attach?stdin=1 HTTP/1.1\r\n${UPGRADE}`, AGREED],
    [
      'with an upgrade that Docker answers in the old way',
      `POST /v1.41/containers/x/attach?stdin=1 HTTP/1.1\r\n${UPGRADE}`,
      AGREED_OLD,
    ],
    ['in the old way', 'POST /v1.41/containers/x/attach?stdin=1 HTTP/1.1\r\nHost: x\r\n', AGREED_OLD],
    [
      'with half an upgrade',
      'POST /v1.41/containers/x/attach?stdin=1 HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\n',
      AGREED,
    ],
  ];
  for (const [name, head, agreed] of kinds) {
    describe(name, () => {
      it('is a stream both ways', async () => {
        const { client, docker } = await open(head);
        expect(docker.received).to.include(head.split('\r\n')[0]);
        docker.socket.write(agreed);
        expect(await client.until('\r\n\r\n')).to.equal(agreed);
        client.socket.write('GET / HTTP/1.1\r\n\r\n\0\xff', 'latin1');
        await until(() => docker.received.endsWith('\r\n\r\nGET / HTTP/1.1\r\n\r\n\0\xff'));
        docker.socket.write('HTTP/1.1 \0\xff', 'latin1');
        await client.until('HTTP/1.1 \0\xff');
      });

      it('goes on when the client has ended its input', async () => {
        const { client, docker } = await open(head);
        docker.socket.write(agreed);
        await client.until(agreed);
        client.socket.end('input');
        await until(() => docker.ended);
        expect(docker.received).to.match(/input$/);
        await sleep(50);
        docker.socket.end('output');
        await client.ended;
        expect(client.text()).to.equal(`${agreed}output`);
        await until(() => docker.closed);
      });

      it('takes input that comes before the answer', async () => {
        const { client, docker } = await open(head);
        client.socket.write('early');
        await sleep(30);
        docker.socket.write(agreed);
        await until(() => docker.received.endsWith('early'));
        client.socket.end('late');
        await until(() => docker.received.endsWith('earlylate') && docker.ended);
      });

      it('ends for the client when it ends at Docker, which may come while input is open', async () => {
        const { client, docker } = await open(head);
        docker.socket.write(agreed);
        docker.socket.end('output');
        await client.ended;
        expect(client.text()).to.equal(`${agreed}output`);
        client.socket.end();
        await until(() => docker.closed);
      });

      it('ends at Docker when the client is gone', async () => {
        const { client, docker } = await open(head);
        docker.socket.write(agreed);
        await client.until(agreed);
        client.socket.destroy();
        await until(() => docker.ended);
        // Only what cannot be delivered tells a client that has gone from one that has ended its input.
        await until(() => docker.closed || !docker.socket.write('x'.repeat(10)));
        await until(() => docker.closed);
      });

      it('ends at Docker when the proxy stops', async () => {
        const { client, docker } = await open(head);
        docker.socket.write(agreed);
        await client.until(agreed);
        await proxy.stop();
        await client.ended;
        await until(() => docker.ended);
      });

      it('is cut off when Docker breaks off', async () => {
        const { client, docker } = await open(head);
        docker.socket.write(`${agreed}out`);
        await client.until('out');
        docker.socket.destroy();
        await client.ended;
      });

      it('is an error the client can read when Docker breaks off first', async () => {
        const { client, docker } = await open(head);
        docker.socket.destroy();
        await client.ended;
        expect(client.text()).to.match(/^HTTP\/1\.1 502 [^]*broke off before it answered/);
      });

      it('that Docker refuses runs no further call', async () => {
        const { client, docker } = await open(head);
        client.socket.write('POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
        docker.socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
        await client.until('{}');
        await sleep(50);
        expect(docker.received).to.not.include('/containers/create');
        expect(docker.received).to.match(/\r\nconnection: close\r\n/i);
        docker.socket.end();
        await client.ended;
        await until(() => docker.closed);
        expect(dockers).to.have.length(1);
      });
    });
  }

  it('sends its body, however it comes, before Docker answers', async () => {
    for (const [framing, pieces] of [
      ['Content-Length: 4\r\n', ['{"', 'a}']],
      ['Transfer-Encoding: chunked\r\n', ['2\r\n{"\r\n', '2\r\na}\r\n0\r\n\r\n']],
    ] as const) {
      dockers.length = 0;
      const { client, docker } = await open(`POST /exec/1/start HTTP/1.1\r\n${UPGRADE}${framing}`);
      for (const piece of pieces) {
        client.socket.write(piece);
        await sleep(10);
      }
      await until(() => docker.received.endsWith(`\r\n\r\n${pieces.join('')}`));
      docker.socket.write(AGREED);
      client.socket.write('stdin');
      await until(() => docker.received.endsWith('stdin'));
    }
  });

  it('in the old way sends its body too', async () => {
    const client = proxy.connect();
    client.socket.write(
      'POST /exec/1/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{"',
    );
    await sleep(20);
    client.socket.write('a}');
    await until(() => dockers[0]?.received.endsWith('\r\n\r\n{"a}') ?? false);
    dockers[0]?.socket.write(AGREED_OLD);
    await client.until(AGREED_OLD);
    client.socket.end('stdin');
    await until(() => dockers[0]!.received.endsWith('{"a}stdin') && dockers[0]!.ended);
    dockers[0]?.socket.end('out');
    await client.ended;
    expect(client.text()).to.equal(`${AGREED_OLD}out`);
  });

  it('may have the server speak first', async () => {
    const { client, docker } = await open(
      'POST /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n',
    );
    docker.socket.write(`${AGREED}PRI`);
    await client.until(`${AGREED}PRI`);
  });

  it('may be told to go on with its body', async () => {
    const { client, docker } = await open(
      `POST /exec/1/start HTTP/1.1\r\n${UPGRADE}Expect: 100-continue\r\nContent-Length: 2\r\n`,
    );
    docker.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    await client.until('100 Continue');
    client.socket.write('{}');
    await until(() => docker.received.endsWith('{}'));
    docker.socket.write(AGREED);
    client.socket.write('in');
    await until(() => docker.received.endsWith('{}in'));
  });

  it('is a 503 when Docker is not there', async () => {
    await closeAll();
    proxy = await startProxy(undefined);
    for (const [, head] of kinds) {
      const client = proxy.connect();
      client.socket.write(`${head}\r\n`);
      await client.ended;
      expect(client.text()).to.match(/^HTTP\/1\.1 503 [^]*cannot reach Docker at unix:/);
    }
  });
});

describe('an upgrade that Docker does not know', () => {
  afterEach(closeAll);

  const docker = () => http.createServer((req, res) => res.end(`${req.method} ${req.url}`));

  it('is an ordinary call', async () => {
    const proxy = await startProxy(docker());
    const client = proxy.connect();
    client.socket.write(`GET /v1.41/info HTTP/1.1\r\n${UPGRADE}\r\n`);
    await client.ended;
    expect(client.text()).to.match(/^HTTP\/1\.1 200 [^]*GET \/v1\.41\/info$/);
  });

  it('never gets as far as a Docker that could change to HTTP/2, past all hooks', async () => {
    const server = docker();
    let upgraded = 0;
    server.on('upgrade', (req, socket) => {
      upgraded++;
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${JSON.stringify(req.headers)}`);
    });
    const proxy = await startProxy(server);
    const h2c =
      'Host: d\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n';
    for (const line of ['GET /_ping', 'POST /networks/prune']) {
      const client = proxy.connect();
      client.socket.write(`${line} HTTP/1.1\r\n${h2c}`);
      await client.ended;
      expect(client.text()).to.match(/^HTTP\/1\.1 200 /);
    }
    expect(upgraded).to.equal(0);
    const client = proxy.connect();
    client.socket.write(`POST /session HTTP/1.1\r\n${h2c}`);
    await client.ended;
    expect(client.text())
      .to.match(/"upgrade":"h2c"/)
      .and.not.match(/"http2-settings":/);
  });
});
