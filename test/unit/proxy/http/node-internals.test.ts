import { once } from 'node:events';
import { fstatSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { expect } from 'chai';
import * as node from '../../../../lib/proxy/http/node-internals.js';
import { useCertificates } from '../../../support/proxy/certificates.js';

const CALL = 'GET / HTTP/1.1\r\nHost: d\r\n\r\n';

describe('what Node does without documenting it', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(() => {
    for (const cleanup of cleanups.splice(0).reverse()) cleanup();
  });

  /** A client whose connection an HTTP server takes that does not listen itself. */
  async function connectTo(server: http.Server): Promise<net.Socket> {
    return connect(net.createServer({ allowHalfOpen: true }, (socket) => server.emit('connection', socket)));
  }

  async function connect(server: net.Server): Promise<net.Socket> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => undefined);
    cleanups.push(
      () => server.close(),
      () => client.destroy(),
    );
    await once(client, 'connect');
    return client;
  }

  async function nextChunk(client: net.Socket): Promise<string> {
    return String((await once(client, 'data'))[0]);
  }

  describe('trackConnections', () => {
    async function isClosedWhenIdle(prepare: (server: http.Server) => void): Promise<boolean> {
      const server = http.createServer((_, res) => void res.end('ok'));
      server.keepAliveTimeout = 0;
      prepare(server);
      cleanups.push(() => server.close());
      const client = await connectTo(server);
      client.write(CALL);
      await nextChunk(client);
      let ended = false;
      client.once('end', () => (ended = true));
      server.closeIdleConnections();
      await sleep(50);
      return ended;
    }

    it('is what makes a server that never listens know its idle connections', async () => {
      expect(await isClosedWhenIdle(() => undefined)).to.equal(false);
      expect(await isClosedWhenIdle(node.trackConnections)).to.equal(true);
    });
  });

  describe('allowHalfOpen', () => {
    async function received(prepare: (server: http.Server) => void): Promise<string> {
      const server = http.createServer((_, res) => void setTimeout(() => res.end('late'), 30));
      prepare(server);
      const client = await connectTo(server);
      let text = '';
      client.on('data', (chunk) => (text += String(chunk)));
      client.end('GET / HTTP/1.0\r\n\r\n');
      await once(client, 'close');
      return text;
    }

    it('is what lets a client that has ended its side get its response', async () => {
      expect(await received(() => undefined)).to.equal('');
      expect(await received(node.allowHalfOpen)).to.match(/late$/);
    });
  });

  describe('requireClientCertificates', () => {
    const { pem } = useCertificates();

    it('counts from the next handshake on', async () => {
      const server = tls.createServer({
        cert: pem('server.pem'),
        key: pem('server.key'),
        ca: pem('ca.pem'),
        // In TLS 1.3 a client is connected before the server has seen its certificate.
        maxVersion: 'TLSv1.2',
      });
      server.on('secureConnection', (socket) => void socket.on('error', () => undefined).end());
      server.on('tlsClientError', () => undefined);
      cleanups.push(() => server.close());
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as net.AddressInfo;
      const isTaken = async (): Promise<boolean> => {
        const client = tls.connect({ port, host: '127.0.0.1', ca: pem('ca.pem') });
        cleanups.push(() => client.destroy());
        return once(client, 'secureConnect').then(
          () => true,
          () => false,
        );
      };
      expect(await isTaken()).to.equal(true);
      node.requireClientCertificates(server, true);
      expect(await isTaken()).to.equal(false);
      node.requireClientCertificates(server, false);
      expect(await isTaken()).to.equal(true);
    });
  });

  describe('releaseSocket', () => {
    it('gives what comes next to the socket, and leaves FIN and faults to its new owner', async () => {
      let released: net.Socket | undefined;
      const failures: unknown[] = [];
      const server = http.createServer(({ socket }) => node.releaseSocket((released = socket)));
      server.on('clientError', (error) => failures.push(error));
      server.on('request', () => released!.write('yours'));
      const client = await connectTo(server);
      client.write(CALL);
      expect(await nextChunk(client)).to.equal('yours');
      const socket = released!;
      client.end('GET \0 is no request');
      await sleep(20);
      expect(socket.isPaused(), 'nothing is lost until somebody reads').to.equal(true);

      let text = '';
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.resume();
      await once(socket, 'end');
      expect(text).to.equal('GET \0 is no request');
      await sleep(20);
      expect(failures).to.deep.equal([]);
      expect(socket.writable).to.equal(true);
      socket.end('bye');
      expect(await nextChunk(client)).to.equal('bye');
    });
  });

  describe('closeQueuedResponse', () => {
    it('closes the response that Node forgets when the client of pipelined calls leaves', async () => {
      const responses: http.ServerResponse[] = [];
      const closed: number[] = [];
      const server = http.createServer((_, res) => {
        const index = responses.push(res) - 1;
        res.once('close', () => closed.push(index));
      });
      const client = await connectTo(server);
      const arrived = new Promise<net.Socket>((resolve) =>
        server.on('request', ({ socket }) => responses.length === 2 && resolve(socket)),
      );
      client.write(CALL + CALL);
      const socket = await arrived;
      client.destroy();
      if (!socket.closed) await once(socket, 'close');
      await setImmediate();
      expect(closed, 'what Node closes').to.deep.equal([0]);
      expect(responses[1]?.socket).to.equal(null);
      node.closeQueuedResponse(responses[1]!);
      expect(closed).to.deep.equal([0, 1]);
    });

    it('leaves the response alone whose turn it is', async () => {
      const server = http.createServer((_, res) => {
        let closes = 0;
        res.on('close', () => closes++);
        node.closeQueuedResponse(res);
        res.setHeader('Content-Length', 1).end(`${closes}`);
      });
      const client = await connectTo(server);
      client.write(CALL);
      expect(await nextChunk(client)).to.match(/\r\n\r\n0$/);
    });
  });

  describe('omitAutomaticHeaders', () => {
    async function head(request: string, prepare: (res: http.ServerResponse) => void): Promise<string> {
      const server = http.createServer((_, res) => {
        prepare(res);
        res.writeHead(200, ['Content-Length', '0']).end();
      });
      server.keepAliveTimeout = 0;
      const client = await connectTo(server);
      client.write(request);
      return nextChunk(client);
    }

    it('is what keeps Node from adding Date and Connection', async () => {
      expect(await head(CALL, () => undefined)).to.match(/\r\nDate: .*\r\nConnection: keep-alive\r\n/);
      expect(await head(CALL, node.omitAutomaticHeaders)).to.equal(
        'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      );
    });

    it('still tells a client that asked to close that the connection closes', async () => {
      const request = CALL.replace('Host', 'Connection: close\r\nHost');
      expect(await head(request, node.omitAutomaticHeaders)).to.equal(
        'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
      );
    });
  });

  describe('probePeer', () => {
    it('tells a peer that has left from one that has only ended its side', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'probe-'));
      const server = net.createServer({ allowHalfOpen: true }).listen(join(dir, 'socket'));
      cleanups.push(
        () => rmSync(dir, { recursive: true }),
        () => server.close(),
      );
      await once(server, 'listening');
      const client = net.connect({ path: join(dir, 'socket'), allowHalfOpen: true });
      const [accepted] = (await once(server, 'connection')) as [net.Socket];
      accepted.resume();
      client.end();
      await once(accepted, 'end');
      node.probePeer(accepted);
      await sleep(20);
      expect(accepted.destroyed).to.equal(false);
      client.destroy();
      await once(client, 'close');
      node.probePeer(accepted);
      const [error] = (await once(accepted, 'error')) as [NodeJS.ErrnoException];
      expect(error.code).to.equal('EPIPE');
    });
  });

  describe('fileDescriptor', () => {
    it('is that of the socket, as long as it is open', async () => {
      const client = await connect(net.createServer());
      const descriptor = node.fileDescriptor(client);
      expect(fstatSync(descriptor).isSocket()).to.equal(true);
      client.destroy();
      expect(node.fileDescriptor(client)).to.equal(-1);
    });
  });
});
