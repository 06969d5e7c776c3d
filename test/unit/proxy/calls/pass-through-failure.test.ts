import { once } from 'node:events';
import http from 'node:http';
import { expect } from 'chai';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => void;

describe('a call without hooks whose Docker fails', () => {
  let proxy: Harness;
  let docker: http.Server;

  async function start(listener: Listener, yaml?: string): Promise<void> {
    docker = http.createServer({ maxHeaderSize: 1 << 21 }, listener);
    proxy = await startProxy(docker, yaml);
  }
  afterEach(closeAll);

  it('is cut off when Docker breaks off, so that the client can tell', async () => {
    for (const headers of [{ 'Content-Length': '10' }, { 'Transfer-Encoding': 'chunked' }]) {
      await start((req, res) => {
        res.writeHead(200, headers);
        res.write('abc', () => req.socket.destroy());
      });
      const client = proxy.connect();
      client.socket.write('GET /images/get HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.ended;
      expect(client.text()).to.include('abc').and.not.include('\r\n0\r\n');
      await proxy.close();
    }
  });

  it('is a 502 when Docker breaks off before it answers', async () => {
    await start((req) => req.socket.destroy());
    const reply = await proxy.call('GET', '/info');
    expect(reply.status).to.equal(502);
    expect(reply.body).to.match(
      /"Docker at unix:\S+ broke off before it answered \((ECONNRESET|connection closed)\)"/,
    );
  });

  it('is a 503 at once when Docker is not there', async () => {
    proxy = await startProxy(undefined);
    for (const method of ['GET', 'POST', 'DELETE']) {
      const reply = await proxy.call(method, '/info');
      expect(reply.status).to.equal(503);
      expect(JSON.parse(reply.body)).to.deep.equal({
        message: `cannot reach Docker at unix://${proxy.dockerSocket}: is it running? (ENOENT)`,
      });
    }
  });

  it('works again when Docker is back', async () => {
    await start((_, res) => res.end('1'));
    expect((await proxy.call('GET', '/info')).body).to.equal('1');
    docker.close();
    docker.closeAllConnections();
    await once(docker, 'close');
    expect((await proxy.call('GET', '/info')).status).to.equal(503);
    docker = http.createServer((_, res) => res.end('2')).listen(proxy.dockerSocket);
    await once(docker, 'listening');
    expect((await proxy.call('GET', '/info')).body).to.equal('2');
    docker.close();
    docker.closeAllConnections();
  });
});
