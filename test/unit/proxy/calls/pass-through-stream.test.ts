import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { closeAll, startProxy, type Harness } from '../../../support/proxy/harness.js';
import { until } from '../../../support/until.js';

type Listener = (req: http.IncomingMessage, res: http.ServerResponse) => void;

describe('the body of a call without hooks', () => {
  let proxy: Harness;
  let docker: http.Server;

  async function start(listener: Listener, yaml?: string): Promise<void> {
    docker = http.createServer({ maxHeaderSize: 1 << 21 }, listener);
    proxy = await startProxy(docker, yaml);
  }
  afterEach(closeAll);

  it('gives headers before there is a body', async () => {
    await start((_, res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.flushHeaders();
    });
    const client = proxy.connect();
    client.socket.write(
      'POST /v1.41/containers/x/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    );
    expect(await client.until('\r\n\r\n')).to.match(/^HTTP\/1\.1 200 OK/);
  });

  it('gives each piece of a stream at once', async () => {
    let response: http.ServerResponse | undefined;
    await start((_, res) => {
      response = res;
      res.write('1');
    });
    const client = proxy.connect();
    client.socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until('\r\n1\r\n');
    response?.write('2');
    await client.until('\r\n2\r\n');
  });

  for (const [how, leave] of [
    ['closes its connection', (socket: net.Socket) => socket.destroy()],
    ['ends its side alone, as dockerd does not wait for it either', (socket: net.Socket) => socket.end()],
  ] as const) {
    for (const when of ['before', 'after'] as const) {
      it(`ends at Docker when the client ${how}, ${when} the first byte`, async () => {
        let asked = false;
        let left = false;
        await start((_, res) => {
          asked = true;
          res.on('close', () => (left = true));
          if (when === 'after') res.write('1');
        });
        const client = proxy.connect();
        client.socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
        await until(() => asked);
        if (when === 'after') await client.until('\r\n1\r\n');
        leave(client.socket);
        await until(() => left);
      });
    }
  }

  it('is not read faster than Docker takes it, nor the other way round', async () => {
    const chunk = Buffer.alloc(1 << 20);
    let taken = 0;
    let go: () => void = () => undefined;
    await start((req, res) => {
      go = () => req.on('data', (data: Buffer) => (taken += data.length)).on('end', () => res.end('ok'));
    });
    const request = http.request({ socketPath: proxy.proxySocket, method: 'POST', path: '/build' });
    let sent = 0;
    const full = (async () => {
      for (; sent < 64; sent++) if (!request.write(chunk)) await once(request, 'drain');
      request.end();
    })();
    await sleep(300);
    expect(sent).to.be.lessThan(8);
    go();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await full;
    expect(response.statusCode).to.equal(200);
    expect(taken).to.equal(64 << 20);
    response.resume();
  });

  it('may wait for 100 Continue, which Docker gives', async () => {
    await start(() => undefined);
    docker.on('checkContinue', (req: http.IncomingMessage, res: http.ServerResponse) => {
      res.writeContinue();
      req.on('data', (data: Buffer) => res.write(data)).on('end', () => res.end());
    });
    const client = proxy.connect();
    client.socket.write(
      'POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
    );
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.socket.write('tar');
    await client.until('tar');
  });

  it('may be refused by Docker without 100 Continue', async () => {
    await start(() => undefined);
    docker.on('checkContinue', (_: http.IncomingMessage, res: http.ServerResponse) =>
      res.writeHead(403).end(),
    );
    const client = proxy.connect();
    client.socket.write(
      'POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n',
    );
    // Whether its body comes after all nobody can know.
    await client.ended;
    expect(client.text()).to.match(/^HTTP\/1\.1 403 [^]*\r\nConnection: close\r\n/);
  });
});
