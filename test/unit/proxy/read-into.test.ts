import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { closeAll, startProxy } from './harness.js';

/** Odd sizes, so that what waits for the client is now a whole read and now a few bytes. */
const PIECES = [1, 70_000, 3, 16_383, 200_001, 17, 65_536, 400_000];
const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n';

describe('an answer that Docker sends faster than its client reads', () => {
  afterEach(closeAll);

  it('arrives as it was sent', async () => {
    const pieces = Array.from({ length: 5 }, () => PIECES.map((size) => randomBytes(size))).flat();
    const body = Buffer.concat(pieces);
    const docker = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => void answer(socket, pieces, body.length));
    });
    const { proxySocket } = await startProxy(docker);
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
  });
});

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
