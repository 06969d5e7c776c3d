import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { useCertificates } from '../../../support/proxy/certificates.js';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';

/** Odd sizes, so that what waits for the client is now a whole read and now a few bytes. */
const PIECES = [1, 70_000, 3, 16_383, 200_001, 17, 65_536, 400_000];
const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n';

describe('an answer that Docker sends faster than its client reads', () => {
  const { file, pem } = useCertificates();
  afterEach(closeAll);

  const pieces = Array.from({ length: 5 }, () => PIECES.map((size) => randomBytes(size))).flat();
  const body = Buffer.concat(pieces);

  function send(socket: net.Socket): void {
    socket.on('error', () => undefined);
    socket.once('data', () => void answer(socket, pieces, body.length));
  }

  async function arrives({ proxySocket }: Harness): Promise<void> {
    const client = net.connect(proxySocket);
    const received: Buffer[] = [];
    client.on('data', (chunk) => {
      received.push(chunk);
      client.pause();
      // Now and then long enough for all that is between to be full.
      setTimeout(() => client.resume(), received.length % 4 === 0 ? 15 : 0);
    });
    client.write('GET /export HTTP/1.1\r\nHost: d\r\n\r\n');
    await once(client, 'end');
    const answered = Buffer.concat(received);
    client.destroy();
    expect(hash(answered.subarray(answered.indexOf('\r\n\r\n') + 4))).to.equal(hash(body));
  }

  it('arrives as it was sent', async () => {
    await arrives(await startProxy(net.createServer(send)));
  });

  it('arrives as it was sent over TLS, which gives what it has read also to those that pause', async () => {
    const docker = tls.createServer({ cert: pem('server.pem'), key: pem('server.key') }, send);
    docker.on('tlsClientError', () => undefined);
    const there = await listen(docker);
    try {
      const proxy = await startProxy(undefined);
      const to = `upstream: tls://127.0.0.1:${there}\nupstreamTls: { ca: ${file('ca.pem')} }`;
      await proxy.reload('', proxy.head.replace(/upstream: .*/, to));
      await arrives(proxy);
    } finally {
      docker.close();
    }
  });
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

/** The head in two pieces, then the body in its own. */
async function answer(socket: net.Socket, pieces: Buffer[], length: number): Promise<void> {
  socket.write(HEAD);
  await sleep(20);
  socket.write(`Content-Length: ${length}\r\n\r\n`);
  await sleep(20);
  for (const piece of pieces) {
    if (!socket.write(piece)) await once(socket, 'drain');
    else await sleep(1);
  }
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
