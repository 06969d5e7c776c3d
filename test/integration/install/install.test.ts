import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, type Lab } from '../../lab/lab.js';
import { until } from '../../lab/process.js';

const SOCKETPLANE = join(import.meta.dirname, '../../../bin/socketplane');
const CACHE = '/var/cache/socketplane';

// In this order, as a user would: each step goes on with what the one before has left.
describe('an installed host', function () {
  this.timeout(300_000);
  let lab: Lab;
  let one: Host;
  let two: Host;
  let bare: unknown;

  const sp = (host: Host, ...args: string[]) => host.run(['socketplane', ...args]);
  const install = (host: Host, bootstrap: string, ...words: string[]) =>
    host.run([SOCKETPLANE, 'install', ...words], { env: { BOOTSTRAP: bootstrap }, timeout: 280_000 });

  /** What a host has of ours, and more: a difference shows what was left. */
  async function stateOf(host: Host) {
    const lines = async (...argv: string[]) => (await host.run(argv)).stdout.split('\n').filter(Boolean);
    return {
      containers: await lines('docker', 'ps', '--all', '--format', '{{.Names}}'),
      links: (await lines('ip', '-o', 'link')).map((line) => line.split(': ')[1]),
      bridges: await lines('ovs-vsctl', 'list-br'),
      chains: (await lines('iptables-save')).filter((line) => line.includes('SOCKETPLANE')),
      processes: (await lines('ps', '-eo', 'args')).filter((line) =>
        /socketplane|powerstrip|consul/.test(line),
      ),
      files: await lines(
        ...['find', '/run/socketplane', '/usr/local/lib/socketplane', '/usr/local/bin/socketplane'],
        ...['/usr/local/bin/socketplaned', '/usr/local/bin/powerstrip', '/var/log/socketplane/agent.log'],
        ...['-maxdepth', '0'],
      ).catch(() => []),
    };
  }

  /** Images that were built here serve the next lab too. */
  async function keepImages(host: Host): Promise<void> {
    await mkdir(CACHE, { recursive: true });
    const upper = host.file(`/upper${CACHE}`);
    const known = await readdir(CACHE);
    for (const file of await readdir(upper)) {
      if (!known.includes(file) && file.endsWith('.tar'))
        await copyFile(join(upper, file), join(CACHE, file));
    }
  }

  before(async () => {
    lab = await createLab();
    one = await lab.addHost();
    two = await lab.addHost();
    for (const host of [one, two]) {
      await Promise.all([host.startDocker(), host.startOvs()]);
      await host.importBusybox();
      await host.docker('tag', 'busybox', 'test');
    }
    bare = await stateOf(one);
  });
  after(async () => {
    await lab.destroy();
  });

  it('asks for nothing where there is no terminal, and says what to type', async () => {
    const { exitCode, stderr } = await one.run([SOCKETPLANE, 'install'], { reject: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/install unattended/);
  });

  it('has two containers, and is a member', async () => {
    await one.run(['script', '-qec', `${SOCKETPLANE} install`, '/dev/null'], {
      input: 'y\n',
      timeout: 280_000,
    });
    await keepImages(one);
    await install(two, 'false', 'unattended');
    for (const host of [one, two]) {
      expect((await stateOf(host)).containers).to.have.members(['socketplane', 'powerstrip']);
    }
    await until('two members', async () => {
      const { stdout } = await one.run(['ovs-vsctl', 'show']);
      return stdout.includes(`remote_ip="${two.address}"`);
    });
  });

  it('runs containers that reach those of another host', async () => {
    await sp(one, 'network', 'create', 'web', '10.0.0.0/16');
    expect((await sp(one, 'network', 'list')).stdout).to.include('10.0.0.0/16');
    await sp(one, 'run', '-n', 'web', '-itd', '--name', 'con1', 'test', 'sh');
    expect((await one.run(['ovs-vsctl', 'list-ports', 'docker0-ovs'])).stdout).to.match(/^ovs[0-9a-f]{8}$/m);
    expect((await sp(one, 'info', 'con1')).stdout).to.match(/10\.0\.0\./);
    await until('network web', async () => (await sp(two, 'network', 'list')).stdout.includes('web'));
    await sp(two, 'run', '-n', 'web', '-itd', '--name', 'con2', 'test', 'sh');
    await two.docker('exec', 'con2', 'ping', '-c', '2', '-W', '2', 'con1');
    await one.docker('exec', 'con1', 'ping', '-c', '2', '-W', '2', 'con2');
  });

  it('installed twice, it says so and exchanges nothing', async () => {
    const started = () =>
      one.docker('inspect', '--format', '{{.Id}}{{.State.StartedAt}}', 'socketplane', 'powerstrip');
    const { stdout } = await started();
    expect((await install(one, 'true', 'unattended')).stdout).to.include('is up to date');
    expect((await started()).stdout).to.equal(stdout);
  });

  it('uninstalled twice, it leaves nothing', async () => {
    for (let time = 0; time < 2; time++) await one.run([SOCKETPLANE, 'uninstall']);
    await one.docker('rm', '-f', 'con1');
    expect(await stateOf(one)).to.deep.equal(bare);
    await one.run(['test', '-e', '/etc/socketplane/proxy.yml']);
    await one.run([SOCKETPLANE, 'clean', '--yes']);
    expect(
      (await one.run(['test', '-e', '/etc/socketplane/proxy.yml'], { reject: false })).exitCode,
    ).to.equal(1);
  });
});
