import net from 'node:net';
import { expect } from 'chai';
import { closeAll, startAdapter, startProxy } from '../../../support/proxy/harness.js';
import { echo } from '../../../support/proxy/hooked.js';

const TRAILERS = 'Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n';

/** Answers that Node's parser takes and its server would refuse to write, and what a client has of them. */
const ANSWERS: [what: string, bytes: string, expected: RegExp][] = [
  ['trailers', `HTTP/1.1 200 OK\r\n${TRAILERS}`, /^HTTP\/1\.1 200 OK[^]*ok/],
  ['trailers that cannot come', 'HTTP/1.1 200 OK\r\nTrailer: X\r\nContent-Length: 2\r\n\r\nok', /ok$/],
  ['a body where there is none', `HTTP/1.1 204 No Content\r\n${TRAILERS}`, /^HTTP\/1\.1 204 No Content\r\n/],
  [
    'control characters',
    'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n',
    /^HTTP\/1\.1 502 .*[^]*passed on/,
  ],
  ['a status of nothing', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n', /^HTTP\/1\.1 502 .*[^]*passed on/],
];
const CALLS = {
  'of HTTP/1.0': 'GET /x HTTP/1.0\r\n\r\n',
  'past the fast way': 'GET /x HTTP/1.1\r\nHost: d\r\nTE: trailers\r\n\r\n',
  'with hooks': 'GET /hooked HTTP/1.1\r\nHost: d\r\n\r\n',
};

describe('an answer of Docker, or of what is before it, with', () => {
  afterEach(closeAll);

  for (const [what, bytes, expected] of ANSWERS) {
    it(`${what}, does not end the proxy`, async () => {
      const docker = net.createServer((socket) => {
        socket.on('error', () => undefined).on('data', () => socket.write(bytes, 'latin1'));
      });
      const { url } = await startAdapter(echo);
      const proxy = await startProxy(
        docker,
        `endpoints: { "GET /hooked": { pre: [a] } }\nadapters: { a: "${url}" }\n`,
      );
      for (const [call, request] of Object.entries(CALLS)) {
        const client = proxy.connect();
        client.socket.write(request);
        await client.until(expected);
        expect(client.text(), call).to.match(/^HTTP\/1\.1 \d{3} /);
        client.socket.destroy();
      }
    });
  }

  it('is asked for with trailers that cannot come all the same', async () => {
    const docker = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    });
    const client = (await startProxy(docker)).connect();
    client.socket.write('POST /x HTTP/1.1\r\nHost: d\r\nTrailer: X\r\nContent-Length: 2\r\n\r\n{}');
    expect(await client.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 200 /);
  });
});
