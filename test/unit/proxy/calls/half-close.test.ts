import net from 'node:net';
import { expect } from 'chai';
import { closeAll, startProxy } from '../../../support/proxy/harness.js';

/** What a client may say before it ends its side, as `nc` and `socat` do when their input ends. */
const CALLS: Record<string, string> = {
  'without body': 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n',
  'of HTTP/1.0': 'GET /info HTTP/1.0\r\n\r\n',
  'with a body': 'POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}',
  'with a body in chunks and trailers':
    'POST /volumes/create HTTP/1.1\r\nHost: d\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n',
};

describe('a client that ends its side and reads on', () => {
  afterEach(closeAll);

  for (const [what, call] of Object.entries(CALLS)) {
    it(`has the answer to a call ${what}, and Docker is told`, async () => {
      let ends = 0;
      const docker = net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => undefined).resume();
        socket.once('end', () => {
          ends++;
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine');
        });
      });
      const client = (await startProxy(docker)).connect();
      client.socket.end(call);
      await client.ended;
      expect(client.text()).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*fine$/);
      expect(ends).to.equal(1);
    });
  }
});
