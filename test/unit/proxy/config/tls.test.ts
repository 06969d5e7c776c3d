import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { expect } from 'chai';
import { freePort, useCertificates } from '../../../support/proxy/certificates.js';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

const GET = 'GET /info HTTP/1.1\r\nHost: d\r\n\r\n';

describe('TLS', () => {
  let proxy: Harness;
  let port: number;

  const { file, pem } = useCertificates();
  afterEach(closeAll);

  const docker = () =>
    http
      .createServer((req, res) => req.pipe(res))
      .on('upgrade', (_, socket: net.Socket) => {
        socket.write('HTTP/1.1 101 UPGRADED\r\n\r\n');
        socket.pipe(socket);
      });

  async function start(more = ''): Promise<string> {
    proxy = await startProxy(docker());
    port = await freePort();
    const head =
      proxy.head.replace(/listen: .*/, `listen: ['tls://127.0.0.1:${port}']`) +
      `tls: { cert: ${file('server.pem')}, key: ${file('server.key')}, ca: ${file('ca.pem')} }\n${more}`;
    await proxy.reload('', head);
    return head;
  }

  const clientOf = (name?: string) => ({
    host: '127.0.0.1',
    port,
    ca: pem('ca.pem'),
    ...(name && { cert: pem(`${name}.pem`), key: pem(`${name}.key`) }),
  });

  function get(name?: string): Promise<{ body: string; server: string }> {
    return new Promise((resolve, reject) => {
      const request = https.request({ ...clientOf(name), method: 'POST', path: '/x', agent: false });
      request.once('error', reject);
      request.once('response', (response) => {
        const server = String((response.socket as tls.TLSSocket).getPeerCertificate().subject.CN);
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.once('end', () => resolve({ body, server }));
      });
      request.end('hello');
    });
  }

  it('takes clients with a certificate of the CA, and nobody else', async () => {
    await start();
    expect(await get('client')).to.deep.equal({ body: 'hello', server: 'server' });
    for (const name of [undefined, 'stranger']) {
      expect(await get(name).catch((error: unknown) => String(error)), name).to.match(/Error/);
    }
    const plain = net.connect(port, '127.0.0.1');
    let received = '';
    plain.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    plain.on('error', () => undefined);
    plain.write(GET);
    await until(() => plain.destroyed || plain.readableEnded);
    expect(received).not.to.include('HTTP');
  });

  it('carries the fast way, and streams with their half-close', async () => {
    await start();
    const socket = tls.connect({ ...clientOf('client'), allowHalfOpen: true } as tls.ConnectionOptions);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write(GET);
    await until(() => received.includes('200 OK'));
    socket.write(
      'POST /containers/x/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    await until(() => received.includes('101 UPGRADED'));
    socket.end('echo');
    await until(() => received.endsWith('echo') && socket.readableEnded);
  });

  it('does not keep a proxy that stops waiting for a handshake', async () => {
    await start();
    const silent = net.connect(port, '127.0.0.1');
    silent.on('error', () => undefined);
    await new Promise((resolve) => silent.once('connect', resolve));
    await proxy.stop(50);
    silent.destroy();
  });

  it('shows a renewed certificate after a reload', async () => {
    const head = await start();
    const [cert, key] = [pem('server.pem'), pem('server.key')];
    writeFileSync(file('server.pem'), pem('renewed.pem'));
    writeFileSync(file('server.key'), pem('renewed.key'));
    await proxy.reload('', head);
    expect((await get('client')).server).to.equal('renewed');
    writeFileSync(file('server.key'), 'nonsense');
    expect(await proxy.reload('', head).catch((error: unknown) => String(error))).to.match(/cannot be used/);
    expect((await get('client')).server).to.equal('renewed');
    writeFileSync(file('server.pem'), cert);
    writeFileSync(file('server.key'), key);
  });

  it('is refused with a file that is not there', async () => {
    const refused = await start('').then((head) =>
      proxy.reload('', head.replace('server.key', 'none.key')).catch((error: unknown) => String(error)),
    );
    expect(refused).to.match(/cannot read the key \S+none\.key/);
  });

  it('leads to a Docker that wants a certificate', async () => {
    const secured = https.createServer(
      { cert: pem('server.pem'), key: pem('server.key'), ca: pem('ca.pem'), requestCert: true },
      (req, res) => req.pipe(res),
    );
    secured.listen(0, '127.0.0.1');
    await new Promise((resolve) => secured.once('listening', resolve));
    const there = `tls://127.0.0.1:${(secured.address() as net.AddressInfo).port}`;
    proxy = await startProxy(docker());
    const to = (files: string) =>
      proxy.head.replace(/upstream: .*/, `upstream: ${there}\nupstreamTls: { ${files} }`);
    const ours = `cert: ${file('client.pem')}, key: ${file('client.key')}`;
    await proxy.reload('', to(`ca: ${file('ca.pem')}, ${ours}`));
    expect((await proxy.call('GET', '/1')).status).to.equal(200);
    expect((await proxy.call('PUT', '/1', { body: 'body' })).body).to.equal('body');
    await proxy.reload('', to(`ca: ${file('other.pem')}, ${ours}`));
    for (const method of ['GET', 'PUT']) {
      const answer = await proxy.call(method, '/1', { headers: { 'Content-Length': 0 } });
      expect([answer.status, answer.body], method).to.satisfy(
        ([status, body]: [number, string]) => status === 502 && /certificate|CERT|SIGNATURE/.test(body),
      );
    }
    secured.close();
    secured.closeAllConnections();
  });
});
