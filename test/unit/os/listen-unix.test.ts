import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { listenUnix } from '../../../lib/os/listen-unix.js';

describe('a unix socket', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'socket-test-'));
    path = join(directory, 'x.sock');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function listen(): Promise<string> {
    const server = net.createServer();
    try {
      await listenUnix(server, path);
      return 'listens';
    } catch (error) {
      return (error as Error).message;
    } finally {
      server.close();
    }
  }

  it('takes the place of one that a dead process left, and of nothing else', async () => {
    const dead = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(dead, 'exit');
    expect(await listen()).to.equal('listens');
    writeFileSync(path, 'precious');
    expect(await listen()).to.match(
      /cannot listen on \S+: something that is not a socket is there: remove it/,
    );
    expect(readFileSync(path, 'utf8')).to.equal('precious');
  });

  it('takes the place of the empty directory that Docker makes for a container that mounts it too early', async () => {
    mkdirSync(path);
    expect(await listen()).to.equal('listens');
  });

  it('does so however the directory came about, but not if there is anything in it', async () => {
    mkdirSync(path, { mode: 0o000 });
    expect(await listen()).to.equal('listens');
    mkdirSync(join(path, 'precious'), { recursive: true });
    expect(await listen()).to.match(
      /^cannot listen on \S+x\.sock: a directory that is not empty is there: remove it, or listen elsewhere$/,
    );
    expect(readdirSync(path)).to.deep.equal(['precious']);
  });

  it('takes the place of a symbolic link, and leaves what it leads to', async () => {
    const precious = join(directory, 'precious');
    mkdirSync(precious);
    symlinkSync(precious, path);
    expect(await listen()).to.equal('listens');
    expect(existsSync(precious)).to.equal(true);
  });

  it('is not made where its path would be cut off', async () => {
    path = join(directory, 'x'.repeat(200));
    expect(await listen()).to.match(/^cannot listen on \S+: the path of a socket has 107 bytes at most$/);
  });

  it('is not taken from a process that is too busy to answer', async () => {
    const busy = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => { console.log('up'); process.kill(process.pid, 'SIGSTOP'); })`,
    ]);
    const clients: net.Socket[] = [];
    try {
      await once(busy.stdout, 'data');
      for (let count = 0; count < 4; count++) clients.push(net.connect(path).on('error', () => undefined));
      expect(await listen()).to.match(/another process listens on/);
    } finally {
      for (const client of clients) client.destroy();
      busy.kill('SIGKILL');
    }
  });
});
