import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { holdSocket } from '../../../lib/plugin/hold-socket.js';
import { ask } from '../../support/ask.js';
import { ROOT } from '../../support/doc-blocks.js';
import { until } from '../../support/until.js';

describe('the process that holds the plugin socket', () => {
  let folder: string;
  const running: ChildProcess[] = [];
  const file = (name: string) => join(folder, name);
  const socket = () => file('docker/plugins/socketplane.sock');
  const activate = () => ask({ socketPath: socket() }, 'POST', '/Plugin.Activate');
  const implemented = async () =>
    (JSON.parse((await activate()).text) as { Implements: string[] }).Implements;

  /** Resolves when it is ready, or has ended. */
  async function start(): Promise<{ child: ChildProcess; output: () => string }> {
    const options = [
      '--socket',
      socket(),
      '--driver',
      file('driver.sock'),
      '--names',
      file('names.sock'),
      '--pid-file',
      file('run/plugin.pid'),
    ];
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(ROOT, 'lib/plugin-socket.ts'), ...options],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    running.push(child);
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const closed = once(child, 'close');
    await Promise.race([closed, until('the first line of the process', () => output.includes('\n'))]);
    if (output.startsWith('socketplane-plugin:')) await closed;
    return { child, output: () => output };
  }
  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
    const exit = once(child, 'exit');
    child.kill(signal);
    return (await exit)[0];
  }

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'plugin-process-'))));
  afterEach(async () => {
    for (const child of running.splice(0))
      if (child.exitCode === null && child.signalCode === null) await end(child, 'SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('listens for root alone, logs as the other daemons do, and leaves nothing behind', async () => {
    const { child, output } = await start();
    expect(await implemented()).to.deep.equal(['NetworkDriver', 'IpamDriver']);
    const mode = async (name: string) => (await stat(file(name))).mode & 0o777;
    expect(await Promise.all(['docker/plugins', 'docker/plugins/socketplane.sock'].map(mode))).to.deep.equal([
      0o755, 0o600,
    ]);
    expect(await readdir(file('docker/plugins'))).to.deep.equal(['socketplane.sock']);
    expect(await readFile(file('run/plugin.pid'), 'utf8')).to.equal(`${child.pid}\n`);
    const [line = ''] = output().split('\n');
    expect(JSON.parse(line)).to.include({ level: 'info', message: 'plugin is ready', service: 'plugin' });
    expect(await end(child, 'SIGTERM')).to.equal(0);
    expect(await readdir(folder, { recursive: true })).to.have.members(['docker', 'docker/plugins', 'run']);
  });

  it('starts again after it was killed', async () => {
    await end((await start()).child, 'SIGKILL');
    expect(await readdir(file('docker/plugins'))).to.deep.equal(['socketplane.sock']);
    expect(await activate().catch((error: Error) => error.message)).to.include('ECONNREFUSED');
    await start();
    expect(await implemented()).to.include('NetworkDriver');
  });

  it('says in one line that another one holds the socket, and leaves it alone', async () => {
    await start();
    const { child, output } = await start();
    expect(child.exitCode).to.equal(1);
    expect(output()).to.equal(`socketplane-plugin: another process listens on ${socket()}: stop it first\n`);
    expect(await implemented()).to.include('NetworkDriver');
  });

  it('takes the place of the directory that Docker makes for a container that mounts the socket too early', async () => {
    await mkdir(socket(), { recursive: true });
    await start();
    expect(await implemented()).to.include('NetworkDriver');
  });

  it('does not take a file for a socket that was left behind', async () => {
    await mkdir(file('docker/plugins'), { recursive: true });
    await writeFile(socket(), 'mine');
    const { child, output } = await start();
    expect(child.exitCode).to.equal(1);
    expect(output()).to.match(
      /^socketplane-plugin: cannot listen on .*: something that is not a socket is there/,
    );
    expect(await readFile(socket(), 'utf8')).to.equal('mine');
  });

  it('leaves a socket that another process has put in its place', async () => {
    const release = await holdSocket(createServer(), socket());
    await rm(socket());
    const other = createServer((_request, response) => response.end('the other'));
    const releaseOther = await holdSocket(other, socket());
    await release();
    const text = await activate().then((answer) => answer.text, String);
    await releaseOther();
    expect(text).to.equal('the other');
    expect(await readdir(file('docker/plugins'))).to.deep.equal([]);
  });

  it('keeps the modes of folders that are there', async () => {
    await mkdir(file('docker/plugins'), { recursive: true });
    await chmod(file('docker/plugins'), 0o700);
    const release = await holdSocket(createServer(), socket());
    expect((await stat(file('docker/plugins'))).mode & 0o777).to.equal(0o700);
    await release();
  });
});
