import { once } from 'node:events';
import { appendFile, chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { startPlugin } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { needImageBase } from '../../support/image-base.js';

const ROOT = join(import.meta.dirname, '../../..');
const SOCKETPLANE = join(ROOT, 'bin/socketplane');
const CACHE = '/var/cache/socketplane';
/** Kills who calls it for the second container. */
const DEADLY_DOCKER = `#!/bin/sh
case "$*" in *'create '*'--name powerstrip'*) kill -9 $PPID; exit 1 ;; esac
exec "$(PATH=\${PATH#*:} command -v docker)" "$@"
`;
/** Hosts are told of each other by hand. */
const SETTINGS = 'cluster: { mdns: false }\n';

// In this order, as a user would: each step goes on with what the one before has left.
describe('an installed host', function () {
  this.timeout(START_MS);
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
    const found = async (...files: string[]) =>
      (await host.run(['find', ...files, '-maxdepth', '0'], { reject: false })).stdout
        .split('\n')
        .filter(Boolean);
    return {
      containers: await lines('docker', 'ps', '--all', '--format', '{{.Names}}'),
      // Their order and what they are joined to is another after a reboot.
      links: (await lines('ip', '-o', 'link')).map((line) => line.split(/: |@/)[1]).sort(),
      bridges: await lines('ovs-vsctl', 'list-br'),
      chains: (await lines('iptables-save')).filter((line) => line.includes('SOCKETPLANE')),
      processes: (await lines('ps', '-eo', 'args')).filter((line) =>
        /socketplane|powerstrip|consul/.test(line),
      ),
      files: await found(
        ...['/run/socketplane', '/usr/local/lib/socketplane', '/usr/local/bin/socketplane'],
        ...['/usr/local/bin/socketplaned', '/usr/local/bin/powerstrip', '/usr/local/bin/socketplane-plugin'],
        ...['/var/log/socketplane/agent.log', '/var/log/socketplane/plugin.log'],
        ...['/run/docker/plugins/socketplane.sock'],
        ...['/usr/share/bash-completion/completions/socketplane', '/usr/share/man/man1/socketplane.1'],
        ...['/usr/share/zsh/vendor-completions/_socketplane'],
      ),
    };
  }

  /** A product that differs in one file. */
  async function copyProduct(host: Host): Promise<void> {
    const { files } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
    await host.run(['mkdir', '/run/next']);
    const parts = [...files, 'package.json', 'package-lock.json', 'node_modules'];
    await host.run(['env', `--chdir=${ROOT}`, 'cp', '-a', '--parents', ...parts, '/run/next/']);
    await appendFile(host.file('/run/next/proxy.yml'), '# another version\n');
  }

  /** What was built here serves the next lab too, in place of what was built of other files. */
  async function keepImages(host: Host): Promise<void> {
    await mkdir(CACHE, { recursive: true });
    const upper = host.file(`/upper${CACHE}`);
    const known = await readdir(CACHE);
    for (const file of await readdir(upper)) {
      if (known.includes(file) || !file.endsWith('.tar')) continue;
      await copyFile(join(upper, file), join(CACHE, file));
      const older = known.filter((name) => file.startsWith('image-') && name.startsWith('image-'));
      for (const name of older) await rm(join(CACHE, name), { force: true });
    }
  }

  /** Somebody at a terminal, who types one thing after the other, each when it is asked for. */
  async function answer(host: Host, ...typed: string[]): Promise<{ status: number; screen: string }> {
    const terminal = host.spawn(['script', '-qec', `${SOCKETPLANE} install`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let screen = '';
    let asked = 0;
    terminal.stdout!.on('data', (text: Buffer) => {
      screen += text.toString();
      const questions = screen.match(/\[y\/n\] /g)?.length ?? 0;
      while (asked < questions) terminal.stdin!.write(typed[asked++] ?? '');
    });
    const [status] = (await once(terminal, 'close')) as [number];
    return { status, screen };
  }

  /** All that a browser gets at first from the page that a command serves. */
  async function pageOf(host: Host, ...argv: string[]): Promise<string> {
    const ui = host.spawn([...argv, 'timeout', '10', 'socketplane', 'ui', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface({ input: ui.stdout! }), 'line')) as [string];
    const parts = ['/style.css', '/page/main.js', '/modules/preact.js'].map(
      (path) => new URL(path, url).href,
    );
    const get = ['curl', '-fsSL', '--fail-early', '--cookie-jar', '/run/cookies'];
    return (await host.run([...get, url, ...parts])).stdout;
  }

  before(async () => {
    await needImageBase();
    lab = await createLab();
    one = await lab.addHost();
    two = await lab.addHost();
    for (const host of [one, two]) {
      await Promise.all([host.startDocker(), host.startOvs()]);
      await host.importBusybox();
      await host.docker('tag', 'busybox', 'test');
      await writeFile(host.file('/etc/socketplane/agent.yml'), SETTINGS);
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

  it('does nothing where the answer is the end of the input, or Ctrl-C', async () => {
    for (const end of ['\x04', '\x03']) {
      const { status, screen } = await answer(one, end);
      expect(status).to.equal(1);
      expect(screen).to.include('no answer: nothing was done');
    }
    expect(await stateOf(one)).to.deep.equal(bare);
  });

  it('as containers and native, they are one cluster', async () => {
    const { status, screen } = await answer(one, 'perhaps\n', '\n', 'y\n');
    expect(status, screen).to.equal(0);
    await keepImages(one);
    await install(two, 'false', 'unattended', '--native');
    expect((await stateOf(one)).containers).to.have.members([
      ...['socketplane', 'powerstrip', 'socketplane-consul'],
    ]);
    expect((await stateOf(two)).containers).to.deep.equal([]);
    await sp(one, 'cluster', 'bind', 'eth0');
    await sp(two, 'cluster', 'join', one.address);
    await until('two members', async () => {
      const { stdout } = await one.run(['ovs-vsctl', 'show']);
      return stdout.includes(`remote_ip="${two.address}"`);
    });
  });

  it('runs containers that reach those of another host', async () => {
    await sp(one, 'network', 'create', 'web', '10.0.0.0/16');
    expect((await sp(one, 'network', 'list')).stdout).to.include('10.0.0.0/16');
    await sp(one, 'run', '-n', 'web', '-itd', '--restart', 'always', '--name', 'con1', 'test', 'sh');
    expect((await one.run(['ovs-vsctl', 'list-ports', 'docker0-ovs'])).stdout).to.match(/^ovs[0-9a-f]{8}$/m);
    expect((await sp(one, 'info', 'con1')).stdout).to.match(/10\.0\.0\./);
    await until('network web', async () => (await sp(two, 'network', 'list')).stdout.includes('web'));
    await sp(two, 'run', '-n', 'web', '-itd', '--name', 'con2', 'test', 'sh');
    await two.docker('exec', 'con2', 'ping', '-c', '2', '-W', '2', 'con1');
    await one.docker('exec', 'con1', 'ping', '-c', '2', '-W', '2', 'con2');
  });

  it('serves the page, of the host and of the image', async () => {
    for (const argv of [[], ['docker', 'exec', 'socketplane']]) {
      const page = await pageOf(one, ...argv);
      expect(page).to.include('<title>SocketPlane</title>').and.to.include('font-family');
    }
  });

  it('installed twice, it says so and exchanges nothing', async () => {
    const started = () =>
      one.docker('inspect', '--format', '{{.Id}}{{.State.StartedAt}}', 'socketplane', 'powerstrip');
    const { stdout } = await started();
    expect((await install(one, 'true', 'unattended')).stdout).to.include('already installed and up to date');
    expect((await started()).stdout).to.equal(stdout);
  });

  it('is not changed to native by another install', async () => {
    const { exitCode, stderr } = await one.run([SOCKETPLANE, 'install', 'unattended', '--native'], {
      reject: false,
    });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/uninstall` first/);
  });

  it('says so while ovs-vswitchd is away', async () => {
    const health = async () =>
      (await one.run(['curl', '-s', '--unix-socket', '/run/socketplane/agent.sock', 'http://a/healthz']))
        .stdout;
    await one.stop('ovs-vswitchd');
    expect(await health()).to.include('Open vSwitch does not answer');
    await one.startVswitchd();
    await until('health', async () => (await health()).includes('"status":"ok"'));
  });

  it('after a reboot it is a member again, and containers are where they were', async () => {
    const address = async () => {
      const { stdout } = await one.docker('exec', 'con1', 'ip', '-4', 'addr', 'show', 'eth0');
      return /inet \S+/.exec(stdout)?.[0];
    };
    const before = await address();
    // It may start before the proxy, and Docker then makes a directory in the socket's place.
    const mount = ['-v', '/run/socketplane/docker.sock:/s', '-v', '/run/socketplane/agent.sock:/a'];
    await one.docker(
      'run',
      '-d',
      '--name',
      'ci',
      '--restart',
      'always',
      '--network',
      'none',
      ...mount,
      'busybox',
      'sleep',
      '9999',
    );
    await one.reboot();
    // As its unit does, where there is systemd.
    await startPlugin(one);
    await Promise.all([one.startDocker(), one.startOvs()]);
    await until(
      'con1',
      async () => {
        const { exitCode } = await two.docker('exec', 'con2', 'ping', '-c', '1', '-W', '1', 'con1');
        return exitCode === 0;
      },
      120_000,
    );
    expect(await address()).to.equal(before);
    await until('agent and proxy', async () => {
      const { stdout } = await one.run(['socketplane', 'agent', 'status'], { reject: false });
      return stdout.match(/ ok /g)?.length === 3;
    });
    await one.docker('rm', '-f', 'ci');
  });

  it('is not taken away by a call that goes through it', async () => {
    const through = (...args: string[]) =>
      one.run(['docker', '-H', 'unix:///run/socketplane/docker.sock', ...args], { reject: false });
    for (const [verb, way] of [
      ['stop', 'agent stop'],
      ['kill', 'agent stop'],
      ['rm', 'uninstall'],
    ] as const) {
      const { exitCode, stderr } = await through(
        verb,
        ...(verb === 'rm' ? ['-f'] : []),
        'socketplane',
        'powerstrip',
      );
      expect(exitCode).to.equal(1);
      expect(stderr.match(new RegExp(`is SocketPlane's own: \`socketplane ${way}\``, 'g'))).to.have.length(2);
    }
    expect((await through('restart', 'socketplane')).exitCode).to.equal(0);
    await one.docker('stop', 'socketplane');
    const { stderr } = await through('run', '--rm', 'busybox', 'true');
    expect(stderr).to.include('start it with `socketplane agent start`');
    expect((await through('run', '--rm', '--network', 'none', 'busybox', 'true')).stderr).to.equal('');
    expect((await through('start', 'socketplane')).exitCode).to.equal(0);
    await until('all of it', async () => {
      const { stdout } = await one.run(['socketplane', 'agent', 'status'], { reject: false });
      return stdout.match(/ ok /g)?.length === 3;
    });
  });

  it('leaves Consul running when the agent ends, in its container and beside it', async () => {
    for (const [host, command] of [
      [one, ['docker', 'restart', 'socketplane']],
      [one, ['sh', '-c', 'kill -9 $(cat /run/socketplane/agent.pid)']],
      [one, ['socketplane', 'agent', 'restart']],
      [two, ['socketplane', 'agent', 'restart']],
    ] as const) {
      const consul = async () => (await host.run(['pgrep', '-x', 'consul'])).stdout;
      const agent = async () =>
        (await host.run(['cat', '/run/socketplane/agent.pid'], { reject: false })).stdout;
      const [before, was] = [await consul(), await agent()];
      await host.run([...command]);
      await until('another agent', async () => !['', was].includes(await agent()), 120_000);
      await until(
        'two members',
        async () => (await sp(host, 'cluster', 'members')).stdout.match(/ up /g)?.length === 2,
        120_000,
      );
      expect(await consul()).to.equal(before);
    }
  });

  it('after Docker was killed, the agent is back, and with it the containers that wait for it', async () => {
    const state = [
      'inspect',
      '-f',
      '{{.State.Running}} {{.State.StartedAt}}',
      'con1',
      'socketplane',
      'powerstrip',
      'socketplane-consul',
    ];
    const before = (await one.docker(...state)).stdout.split('\n');
    await one.stop('dockerd', 'SIGKILL');
    await one.startDocker();
    await until(
      'all of them',
      async () => {
        const now = (await one.docker(...state)).stdout.split('\n');
        return now.every((line, index) => line.startsWith('true ') && line !== before[index]);
      },
      120_000,
    );
  });

  it('native and upgraded, it keeps its settings, and no ping is lost', async () => {
    // Another content than what is installed: an upgrade.
    await copyProduct(two);
    const pinging = two.docker('exec', 'con2', 'ping', '-c', '80', '-i', '0.1', '-W', '1', 'con1');
    const { stdout } = await two.run(['/run/next/bin/socketplane', 'install', 'unattended', '--native'], {
      timeout: 280_000,
    });
    expect(stdout).to.include('SocketPlane is upgraded');
    expect((await pinging).stdout).to.include('80 packets transmitted, 80 packets received');
    expect(await readFile(two.file('/etc/socketplane/agent.yml'), 'utf8')).to.equal(SETTINGS);
    expect((await sp(two, 'cluster', 'members')).stdout).to.include(one.address);
  });

  it('as containers that are exchanged, no ping is lost', async () => {
    const made = async () => (await one.docker('inspect', '--format', '{{.Id}}', 'socketplane')).stdout;
    const before = await made();
    const pinging = one.docker('exec', 'con1', 'ping', '-c', '80', '-i', '0.1', '-W', '1', 'con2');
    // Another environment of the agent, with the same image: what an upgrade does but to build one.
    expect((await install(one, 'false', 'unattended')).stdout).to.include('SocketPlane is upgraded');
    expect((await pinging).stdout).to.include('80 packets transmitted, 80 packets received');
    expect(await made()).not.to.equal(before);
  });

  it('what was taken away, the next install brings again, though one was killed between its containers', async () => {
    await one.docker('rm', '-f', 'powerstrip', 'socketplane');
    await one.run(['rm', '-rf', '/usr/local/lib/socketplane']);
    await mkdir(one.file('/run/deadly'));
    await writeFile(one.file('/run/deadly/docker'), DEADLY_DOCKER);
    await chmod(one.file('/run/deadly/docker'), 0o755);
    const argv = ['sh', '-c', `PATH=/run/deadly:$PATH exec ${SOCKETPLANE} install unattended`];
    const { exitCode } = await one.run(argv, { env: { BOOTSTRAP: 'true' }, reject: false });
    expect(exitCode).not.to.equal(0);
    expect((await stateOf(one)).containers)
      .to.include('socketplane')
      .and.not.include('powerstrip');
    await install(one, 'true', 'unattended');
    expect((await sp(one, 'agent', 'status')).stdout.match(/ ok /g)).to.have.length(3);
    await one.docker('exec', 'con1', 'ping', '-c', '2', '-W', '2', 'con2');
  });

  it('is not uninstalled while a container is on its networks; uninstalled twice, it leaves nothing', async () => {
    const { exitCode, stderr } = await one.run([SOCKETPLANE, 'uninstall'], { reject: false });
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/containers are still on .*: con1; remove them/);
    expect((await sp(one, 'agent', 'status')).stdout.match(/ ok /g)).to.have.length(3);
    await one.docker('rm', '-f', 'con1');
    await one.run([SOCKETPLANE, 'uninstall']);
    expect((await one.docker('network', 'ls', '-q', '-f', 'driver=socketplane')).stdout).to.equal('');
    await one.run([SOCKETPLANE, 'uninstall']);
    expect(await stateOf(one)).to.deep.equal(bare);
    // What cannot be had again without a registry.
    expect((await one.run(['ls', CACHE])).stdout).to.match(/^image-.*\.tar$/m);
    await one.run(['test', '-e', '/etc/socketplane/proxy.yml']);
    await one.run([SOCKETPLANE, 'clean', '--yes']);
    expect((await one.run(['ls', CACHE])).stdout).to.equal('');
    expect(
      (await one.run(['test', '-e', '/etc/socketplane/proxy.yml'], { reject: false })).exitCode,
    ).to.equal(1);
  });
});
