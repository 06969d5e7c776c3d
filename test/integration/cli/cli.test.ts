import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { type CommandOptions } from '../../lab/process.js';
import { until } from '../../support/until.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');

// In this order, as a user would: each step goes on with what the one before has left.
describe('socketplane on a bare host', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;

  const socketplane = (args: string[], options: CommandOptions = {}) =>
    host.run([COMMAND, ...args], { reject: false, ...options });
  async function succeeds(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await socketplane(args, { timeout: 100_000 });
    expect(exitCode, `${stdout}\n${stderr}`).to.equal(0);
    return stdout;
  }
  async function fails(...args: string[]): Promise<string> {
    const { exitCode, stderr } = await socketplane(args);
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/^socketplane: [^\n]+$/);
    return stderr;
  }
  async function pids() {
    const daemons = JSON.parse(await succeeds('agent', 'status', '--json')) as {
      name: string;
      pid: number;
    }[];
    const [plugin, agent, proxy] = ['plugin', 'agent', 'proxy'].map(
      (name) => daemons.find((daemon) => daemon.name === name)?.pid ?? 0,
    );
    return { plugin, agent, proxy };
  }

  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    // The demo starts a Docker of its own here: its containers belong to the lab all the same.
    await writeFile(host.file('/etc/docker/daemon.json'), JSON.stringify({ 'cgroup-parent': host.cgroup }));
  });
  after(() => lab.destroy());

  it('says what is not running, and how to start it', async () => {
    expect(await fails('network', 'list')).to.include(
      'the agent is not running (no /run/socketplane/agent.sock)',
    );
    expect(await fails('run', 'busybox')).to.include('the proxy is not running');
    expect((await socketplane(['agent', 'status'])).stdout).to.match(/^agent +not running/m);
    expect(await succeeds('agent', 'stop')).to.match(/^agent and proxy were not running$/m);
  });

  it('agent start without Docker names Docker and the log', async () => {
    const { exitCode, stderr } = await socketplane(['agent', 'start']);
    expect(exitCode).to.equal(1);
    // Where that takes long it has said before what it waits for.
    expect(stderr.split('\n').at(-1)).to.match(
      /^socketplane: the agent is running, but not ready: Docker does not answer .*agent\.log/,
    );
    expect(await succeeds('agent', 'stop')).to.equal('agent and proxy stopped');
  });

  it('deps finds everything', async () => {
    expect(await succeeds('deps')).to.match(/^open vswitch +3\.\S+ +2\.17 +yes$/m);
  });

  it('demo starts all of it and shows one container reach the other', async () => {
    const output = await succeeds('demo');
    expect(output)
      .to.match(/Docker started/)
      .and.match(/Open vSwitch started/);
    expect(output).to.include('0% packet loss');
    expect(output).to.include('web is 10.99.0.0/16, its gateway 10.99.0.1');
    expect(await succeeds('info')).to.match(/con1 +web +10\.99\.\d+\.\d+ .* up$/m);
  });

  it('demo again uses what runs and gets there as well', async () => {
    const before = await pids();
    const output = await succeeds('demo');
    expect(output)
      .to.match(/Docker is already running/)
      .and.match(/Open vSwitch is already running/);
    expect(output).to.include('0% packet loss');
    expect(await pids()).to.deep.equal(before);
  });

  it('makes, shows and removes networks', async () => {
    await succeeds('network', 'create', 'db', '10.50.0.0/24');
    expect(await succeeds('network', 'ls')).to.match(/^db +10\.50\.0\.0\/24 +10\.50\.0\.1 +\d+$/m);
    expect(await fails('network', 'create', 'db')).to.include('exists already');
    expect(await fails('network', 'create', 'other', '10.50.0.0/16')).to.include('overlaps network db');
    expect(await fails('network', 'delete', 'web')).to.include('has active endpoints');
    expect(await succeeds('network', 'rm', 'db')).to.equal('db');
    expect(JSON.parse(await succeeds('network', 'info', 'web', '--json'))).to.deep.include({
      connections: ['con1', 'con2'],
    });
  });

  it('run, stop, start and rm are docker on a network', async () => {
    await succeeds('run', '-n', 'web', '-itd', '--name', 'con9', 'busybox', 'sh');
    const address = /^Address +(\S+)$/m.exec(await succeeds('info', 'con9'))?.[1];
    expect(address).to.match(/^10\.99\./);
    await succeeds('stop', '-t', '0', 'con9');
    await succeeds('start', 'con9');
    expect(await succeeds('info', 'con9')).to.include(`${address}`);
    await succeeds('rm', '-f', 'con9');
    expect(await fails('info', 'con9')).to.include('container "con9" not found');
  });

  it("run has docker's exit status, input and output", async () => {
    const run = await socketplane(['run', '-n', 'web', '-i', '--rm', 'busybox', 'sh', '-c', 'cat; exit 7'], {
      input: 'through\n',
    });
    expect(run).to.include({ exitCode: 7, stdout: 'through' });
    expect((await socketplane(['run', '-n', 'nope', '--rm', 'busybox', 'true'])).stderr).to.include(
      'network "nope" not found',
    );
  });

  it('agent start, stop and restart may be repeated; containers go on talking', async () => {
    const before = await pids();
    expect(await succeeds('agent', 'start')).to.equal('agent and proxy are already running');
    expect(await pids()).to.deep.equal(before);
    for (let round = 0; round < 2; round++) await succeeds('agent', 'restart');
    const after = await pids();
    expect(after.agent).to.not.equal(before.agent);
    expect(after.plugin, "goes on holding Docker's plugin socket").to.equal(before.plugin).and.above(1);

    expect(await succeeds('agent', 'stop')).to.match(
      /^agent and proxy stopped\nnote: Docker still has networks of SocketPlane \(.*\bweb\b.*\)/,
    );
    expect(await succeeds('agent', 'stop')).to.match(/^agent and proxy were not running$/m);
    const { stdout } = await host.docker(
      'exec',
      'con1',
      'ping',
      '-c',
      '1',
      '-W',
      '2',
      await addressOf('con2'),
    );
    expect(stdout).to.include('0% packet loss');
    expect(await succeeds('agent', 'start')).to.equal('agent and proxy started');
    expect(await succeeds('info', 'con2')).to.match(/^State +up$/m);
  });

  it('kill -9 leaves files that do not stand in the way', async () => {
    const killed = await pids();
    for (const pid of Object.values(killed)) await host.run(['kill', '-9', String(pid)]);
    await until('both to be gone', async () => (await socketplane(['agent', 'status'])).exitCode === 1);
    expect(await readFile(host.file('/run/socketplane/agent.pid'), 'utf8')).to.equal(`${killed.agent}\n`);
    expect(await fails('network', 'ls')).to.include('nothing listens on');
    expect(await succeeds('agent', 'start')).to.equal('agent and proxy started');
    expect(await succeeds('run', '-n', 'web', '--rm', 'busybox', 'echo', 'fine')).to.equal('fine');
  });

  it('agent logs shows both', async () => {
    const output = await succeeds('agent', 'logs', '-n', '5');
    expect(output).to.include('/var/log/socketplane/agent.log').and.include('/var/log/socketplane/proxy.log');
    expect(output).to.include('/var/log/socketplane/plugin.log');
  });

  async function addressOf(name: string): Promise<string> {
    const { stdout } = await host.run([
      'nsenter',
      `--net=/proc/${(await host.docker('inspect', '-f', '{{.State.Pid}}', name)).stdout}/ns/net`,
      'ip',
      '-br',
      'addr',
      'show',
      'eth0',
    ]);
    return /(\d+\.\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? '';
  }
});
