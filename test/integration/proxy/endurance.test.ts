import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { until } from '../../support/until.js';

const POWERSTRIP = join(import.meta.dirname, '../../../dist/lib/powerstrip.js');
const GIB = 2 ** 30;
const BLOCK = Buffer.alloc(65_536, 1);
/** Nothing here is about how fast it goes, and the machine may have other things to do. */
const CASE_MS = 300_000;

/** The built proxy in a process of its own, in front of a Docker that only moves bytes or waits. */
describe('the proxy under load', function () {
  this.timeout(CASE_MS);
  let dir: string;
  let powerstrip: ChildProcess;
  let docker: http.Server;
  const atDocker = new Set<net.Socket>();
  const socket = () => join(dir, 'proxy.sock');

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'proxy-load-'));
    docker = http.createServer((req, res) => {
      if (req.url?.startsWith('/sink')) {
        let length = 0;
        req.on('data', (chunk: Buffer) => (length += chunk.length));
        req.on('end', () => res.end(String(length)));
      } else if (req.url?.startsWith('/source')) write(res, 2 * GIB);
      else {
        // Events, logs, wait, build: the first bytes, and then nothing for ever.
        req.resume();
        res.write('{}\n');
      }
    });
    // As dockerd: Node's default closes a connection that is idle for five seconds, and 3,000 take longer on a busy machine.
    docker.keepAliveTimeout = 0;
    docker.on('upgrade', (_, stream: net.Socket) => {
      stream.on('error', () => undefined);
      stream.write('HTTP/1.1 101 UPGRADED\r\n\r\n');
      stream.on('end', () => stream.end());
      stream.resume();
    });
    docker.on('connection', (connection: net.Socket) => {
      atDocker.add(connection);
      connection.once('close', () => atDocker.delete(connection));
    });
    docker.listen(join(dir, 'docker.sock'));
    await once(docker, 'listening');
    const config = join(dir, 'proxy.yml');
    writeFileSync(
      config,
      `listen: ['unix://${socket()}']\nupstream: unix://${join(dir, 'docker.sock')}\nversion: 1\n`,
    );
    powerstrip = spawn(process.execPath, [POWERSTRIP, '--config', config, '--pid-file', join(dir, 'pid')], {
      stdio: 'ignore',
    });
    await until('the proxy', async () => existsSync(join(dir, 'pid')));
  });
  after(async () => {
    powerstrip.kill();
    await once(powerstrip, 'exit');
    docker.close();
    docker.closeAllConnections();
    rmSync(dir, { recursive: true });
  });

  function write(to: http.ServerResponse | http.ClientRequest, bytes: number): void {
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        left -= BLOCK.length;
        if (!to.write(BLOCK)) {
          to.once('drain', more);
          return;
        }
      }
      to.end();
    };
    more();
  }

  async function answer(request: http.ClientRequest): Promise<{ length: number; text: string }> {
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    let length = 0;
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length < 100) text += chunk.toString();
    }
    return { length, text };
  }

  const peakMiB = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${powerstrip.pid}/status`, 'utf8'))?.[1]) / 1024;

  const fds = () => readdirSync(`/proc/${powerstrip.pid}/fd`).length;

  it('keeps its memory flat while 2 GiB go either way, however they are framed', async () => {
    for (const headers of [{}, { 'Content-Length': 2 * GIB }]) {
      const request = http.request({
        socketPath: socket(),
        method: 'POST',
        path: '/sink',
        headers,
        agent: false,
      });
      write(request, 2 * GIB);
      expect((await answer(request)).text).to.equal(String(2 * GIB));
    }
    // The second goes by Node's parser.
    for (const headers of [{}, { TE: 'trailers' }]) {
      const request = http.get({ socketPath: socket(), path: '/source', headers, agent: false });
      expect((await answer(request)).length).to.equal(2 * GIB);
    }
    expect(peakMiB()).to.be.lessThan(100);
  });

  it('keeps its memory flat when clients stop reading', async () => {
    const stalled = net.connect(socket());
    stalled.pause();
    stalled.write('GET /source HTTP/1.1\r\nHost: d\r\n\r\n');
    const slow = net.connect(socket());
    slow.pause();
    slow.write('GET /source HTTP/1.1\r\nHost: d\r\nTE: trailers\r\n\r\n');
    let written = 0;
    await until('as much to be in flight as ever will be', async () => {
      const before = written;
      await sleep(500);
      written = [...atDocker].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
      return atDocker.size === 2 && written > 0 && written === before;
    });
    expect(peakMiB()).to.be.lessThan(100);
    stalled.destroy();
    slow.destroy();
    await until('Docker is let go', async () => atDocker.size === 0);
  });

  it('keeps nothing of 1,000 clients that vanish in the middle', async () => {
    const calls = [
      'GET /events HTTP/1.1\r\nHost: d\r\n\r\n',
      'GET /containers/x/logs?follow=1 HTTP/1.1\r\nHost: d\r\nTE: trailers\r\n\r\n',
      'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
      'POST /containers/x/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n',
      'POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    ];
    await until('all of before are gone', async () => atDocker.size === 0);
    const before = fds();
    for (let round = 0; round < 5; round++) {
      const clients = calls.flatMap((text) =>
        Array.from({ length: 40 }, () => {
          const client = net.connect(socket());
          client.on('error', () => undefined);
          client.write(text);
          return client;
        }),
      );
      await until('all calls are at Docker', async () => atDocker.size === 200);
      for (const client of clients) client.destroy();
      await until('Docker is let go', async () => atDocker.size === 0);
    }
    await until('no descriptor is left', async () => fds() <= before);
  });

  /** Node raises its own limit of descriptors to the hard one; an idle client that has called before takes two. */
  const descriptorLimit = () =>
    Number(/Max open files +\d+ +(\d+)/.exec(readFileSync(`/proc/${powerstrip.pid}/limits`, 'utf8'))?.[1]);

  /** A client that has made a call, and keeps its connection. */
  async function idle(): Promise<net.Socket> {
    const client = net.connect(socket());
    client.write('POST /sink HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n');
    const [answered] = (await once(client, 'data')) as [Buffer];
    expect(answered.toString()).to.match(/^HTTP\/1\.1 200 /);
    return client;
  }

  it('holds 3,000 idle connections, answers at once, and gives back what they took', async () => {
    expect(descriptorLimit(), 'hard limit of open files').to.be.greaterThan(10_000);
    const before = fds();
    const peaks: number[] = [];
    for (let round = 0; round < 3; round++) {
      const clients: net.Socket[] = [];
      // No more at a time than the fake Docker's backlog takes.
      while (clients.length < 3_000) clients.push(...(await Promise.all(Array.from({ length: 500 }, idle))));
      expect(atDocker.size).to.be.at.least(3_000);
      const request = http.request({ socketPath: socket(), method: 'POST', path: '/sink', agent: false });
      request.end('hello');
      expect((await answer(request)).text).to.equal('5');
      for (const client of clients) client.destroy();
      await until('Docker is let go', async () => atDocker.size <= 1);
      await until('no descriptor is left', async () => fds() <= before + 1);
      peaks.push(peakMiB());
    }
    expect(peaks[2]).to.be.lessThan(200);
    // What one round gave back is enough for the next.
    expect(peaks[2]! - peaks[1]!).to.be.lessThan(20);
  });
});
