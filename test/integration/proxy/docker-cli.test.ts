import { mkdir, writeFile } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { until } from '../../lab/process.js';
import { DIRECT, powerstrip, PROXIED, startProxy, useProxy, type Adapter } from './suite.js';

/** The stock client through the proxy, next to the same on the real socket. */
describe('docker through the proxy', function () {
  this.timeout(60_000);
  let adapter: Adapter = () => undefined;
  const { host, seen } = useProxy(() => adapter);
  beforeEach(() => {
    adapter = () => undefined;
    seen.length = 0;
  });

  interface Options {
    input?: string | Buffer;
    env?: Record<string, string>;
  }

  const run = (socket: string, args: string[], options: Options = {}) =>
    host().run(['docker', '-H', socket, ...args], { reject: false, timeout: 20_000, ...options });

  /** Runs it both ways; everything it prints and returns must be equal. */
  async function same(args: string[], options: Options = {}): Promise<string> {
    const direct = await run(DIRECT, args, options);
    const proxied = await run(PROXIED, args, options);
    expect(proxied).to.deep.equal(direct);
    return proxied.stdout;
  }

  /** How many connections dockerd has. */
  async function connectionsToDocker(): Promise<number> {
    const { stdout } = await host().run(['ss', '-xH', 'state', 'connected']);
    return stdout.split('\n').filter((line) => / \/(var\/)?run\/docker\.sock /.test(line)).length;
  }

  it('run', async () => {
    expect(await same(['run', '--rm', '--network', 'none', 'busybox', 'echo', 'hello'])).to.equal('hello');
    expect(
      seen
        .map(({ Type, ClientRequest }) => `${Type} ${ClientRequest.Method} ${ClientRequest.Request}`)
        .join('\n'),
    ).to.match(
      /^pre-hook POST \/v1\.\d+\/containers\/create\npost-hook POST \/v1\.\d+\/containers\/create\n/,
    );
  });

  it('run with exit status and standard error', async () => {
    await same([
      'run',
      '--rm',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 42',
    ]);
    await same(['run', '--rm', '--network', 'none', 'busybox', '/no/such/command']);
    await same(['run', '--rm', '--network', 'none', '--pull', 'never', 'no/such:image']);
  });

  it('run -i with input that ends', async () => {
    expect(await same(['run', '-i', '--rm', '--network', 'none', 'busybox', 'cat'], { input: 'x' })).to.equal(
      'x',
    );
    const large = 'line\n'.repeat(400_000);
    expect(
      await same(['run', '-i', '--rm', '--network', 'none', 'busybox', 'wc', '-c'], { input: large }),
    ).to.equal('2000000');
    expect(
      (await same(['run', '-i', '--rm', '--network', 'none', 'busybox', 'cat'], { input: large })).length,
    ).to.equal(large.length - 1);
  });

  it('run -it, on a terminal', async () => {
    const typed = (socket: string) =>
      host().run(
        [
          'script',
          '-qec',
          `docker -H ${socket} run -it --rm --network none busybox sh -c 'tty; read x; echo "<$x>"; exit 3'`,
          '/dev/null',
        ],
        { input: 'typed\n', reject: false, timeout: 20_000 },
      );
    const proxied = await typed(PROXIED);
    expect(proxied.stdout).to.include('/dev/pts/0').and.include('<typed>');
    expect(proxied.exitCode).to.equal(3);
    expect(proxied).to.deep.equal(await typed(DIRECT));
  });

  describe('with a container', () => {
    before(() =>
      run(DIRECT, [
        'run',
        '-d',
        '--name',
        'box',
        '--network',
        'none',
        'busybox',
        'sh',
        '-c',
        'i=0; while :; do echo $((i=i+1)); sleep 0.05; done',
      ]),
    );
    after(() => run(DIRECT, ['rm', '-f', 'box']));

    it('exec, with input, exit status, and detached', async () => {
      expect(await same(['exec', '-i', 'box', 'cat'], { input: 'abc' })).to.equal('abc');
      await same(['exec', 'box', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
      await same(['exec', '-d', 'box', 'true']);
      await same(['exec', 'nobody', 'true']);
      expect(
        seen.some(
          ({ ClientRequest: { Request, Body } }) =>
            /\/exec\/.*\/start/.test(Request) && /"Tty"/.test(Body ?? ''),
        ),
      ).to.equal(true);
    });

    it('exec -it', async () => {
      const typed = (socket: string) =>
        host().run(
          ['script', '-qec', `docker -H ${socket} exec -it box sh -c 'read x; echo "<$x>"'`, '/dev/null'],
          { input: 'typed\n', timeout: 20_000 },
        );
      expect((await typed(PROXIED)).stdout).to.equal((await typed(DIRECT)).stdout);
    });

    it('cp in both directions, inspect, ps, top, stats, port, diff', async () => {
      const file = Buffer.alloc(5 << 20, 'x');
      await writeFile(host().file('/run/in'), file);
      expect((await run(PROXIED, ['cp', '/run/in', 'box:/tmp/in'])).exitCode).to.equal(0);
      expect((await run(PROXIED, ['cp', 'box:/tmp/in', '/run/out'])).exitCode).to.equal(0);
      expect((await readFile(host().file('/run/out'))).equals(file)).to.equal(true);
      for (const args of [
        ['inspect', 'box'],
        ['ps', '-a', '--format', '{{.ID}} {{.Names}}'],
        ['diff', 'box'],
        ['port', 'box'],
        ['inspect', 'nobody'],
        ['cp', 'box:/nobody', '/run/x'],
      ]) {
        await same(args);
      }
      expect((await run(PROXIED, ['stats', '--no-stream', '--format', '{{.Name}}', 'box'])).stdout).to.equal(
        'box',
      );
    });

    it('logs -f and events end at Docker when the client leaves', async () => {
      const log = host().file('/run/lab-client.log');
      for (const args of [
        ['logs', '-f', 'box'],
        ['events'],
        ['stats', 'box'],
        ['attach', '--no-stdin', 'box'],
      ]) {
        await writeFile(log, '');
        await host().start('client', ['docker', '-H', PROXIED, ...args]);
        await until(`output of ${args.join(' ')}`, async () => {
          await run(DIRECT, ['exec', 'box', 'true']);
          return (await readFile(log, 'utf8')) !== '';
        });
        const during = await connectionsToDocker();
        await host().stop('client', 'SIGKILL');
        await until(`${args.join(' ')} to end`, async () => (await connectionsToDocker()) < during, 3_000);
      }
    });

    it('logs', async () => {
      expect((await run(PROXIED, ['logs', '--tail', '3', 'box'])).stdout.split('\n')).to.have.length(3);
      const child = host().spawn(
        ['timeout', '1', 'docker', '-H', PROXIED, 'logs', '-f', '--tail', '0', 'box'],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      );
      let lines = 0;
      child.stdout?.on('data', () => lines++);
      await new Promise((resolve) => child.once('exit', resolve));
      // As they come, not in one piece at the end.
      expect(lines).to.be.greaterThan(5);
    });
  });

  it('wait, start -a, restart, stop, rename, rm', async () => {
    await run(PROXIED, [
      'create',
      '--name',
      'once',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo started; sleep 0.3; exit 9',
    ]);
    const waiting = run(PROXIED, ['wait', 'once']);
    expect((await run(PROXIED, ['start', '-a', 'once'])).stdout).to.equal('started');
    expect(Number((await waiting).stdout)).to.be.oneOf([0, 9]);
    await run(PROXIED, ['start', 'once']);
    expect((await run(PROXIED, ['wait', 'once'])).stdout).to.equal('9');
    expect((await run(PROXIED, ['restart', '-t', '0', 'once'])).stdout).to.equal('once');
    expect((await run(PROXIED, ['rename', 'once', 'renamed'])).exitCode).to.equal(0);
    expect((await run(PROXIED, ['rm', '-f', 'renamed'])).stdout).to.equal('renamed');
    await same(['rm', 'renamed']);
  });

  it('events, as they happen', async () => {
    await host().start('client', ['docker', '-H', PROXIED, 'events', '--format', '{{.Action}}']);
    await until('events', async () => {
      await run(DIRECT, ['run', '--rm', '--network', 'none', 'busybox', 'true']);
      const text = await readFile(host().file('/run/lab-client.log'), 'utf8');
      return /create\nattach\n(.*\n)*start\n/.test(text);
    });
    await host().stop('client');
  });

  it('save and load', async () => {
    await run(PROXIED, ['save', '-o', '/run/image.tar', 'busybox']);
    expect((await host().run(['tar', 'tf', '/run/image.tar'])).stdout).to.include('manifest.json');
    await same(['load', '-i', '/run/image.tar']);
    await same(['load'], { input: 'not an image' });
  });

  it('build, with a context of some size', async () => {
    const context = host().file('/run/context');
    await mkdir(context);
    await writeFile(join(context, 'data'), Buffer.alloc(40 << 20, 'y'));
    await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nCOPY data /data\nRUN wc -c /data\n');
    const build = (socket: string) =>
      run(socket, ['build', '--network', 'none', '--no-cache', '-t', 'built', '/run/context'], {
        env: { DOCKER_BUILDKIT: '0' },
      });
    const built = await build(PROXIED);
    expect(built.stdout).to.include('41943040 /data').and.include('Successfully tagged built:latest');
    expect(
      (await run(PROXIED, ['run', '--rm', '--network', 'none', 'built', 'wc', '-c', '/data'])).stdout,
    ).to.equal('41943040 /data');
  });

  it('a hook that says no', async () => {
    adapter = ({ Type, ClientRequest }) =>
      Type === 'pre-hook' && ClientRequest.Request.includes('/create')
        ? { status: 403, text: '{"message":"no more than 3 containers"}' }
        : undefined;
    const { stderr, exitCode } = await run(PROXIED, ['run', '--network', 'none', 'busybox', 'true']);
    // Clients before 28 end the line with a full stop.
    expect(stderr.split('\n')[0]).to.match(
      /^docker: Error response from daemon: adapter test: no more than 3 containers\.?$/,
    );
    expect(exitCode).to.equal(125);
    adapter = ({ ClientRequest }) =>
      ClientRequest.Request.includes('/exec/') ? { status: 403, text: 'exec is not for you' } : undefined;
    await run(DIRECT, ['run', '-d', '--name', 'exec', '--network', 'none', 'busybox', 'sleep', '100']);
    expect((await run(PROXIED, ['exec', '-i', 'exec', 'true'])).stderr).to.include(
      'adapter test: exec is not for you',
    );
    await run(DIRECT, ['rm', '-f', 'exec']);
  });

  it('a hook that changes the request and the answer', async () => {
    adapter = ({ Type, ClientRequest: { Request, Body } }) => {
      if (!Request.includes('/create')) return undefined;
      if (Type === 'post-hook') return { Body: '{"Id":"changed","Warnings":["by the hook"]}\n' };
      return { Body: Body?.replace('"Labels":{}', '"Labels":{"hooked":"yes"}') };
    };
    const { stdout, stderr } = await run(PROXIED, [
      'create',
      '--name',
      'hooked',
      '--network',
      'none',
      'busybox',
    ]);
    expect([stdout, stderr]).to.deep.equal(['changed', 'WARNING: by the hook']);
    adapter = () => undefined;
    expect(await same(['inspect', '-f', '{{.Config.Labels.hooked}}', 'hooked'])).to.equal('yes');
    await run(PROXIED, ['rm', 'hooked']);
  });

  it('runs nothing behind the back of hooks, however it is asked', async () => {
    const body = '{"Image":"busybox","HostConfig":{"NetworkMode":"none"}}';
    const framing = `Host: x\\r\\nContent-Type: application/json\\r\\nContent-Length: ${body.length}\\r\\n`;
    const create = `POST /v1.41/containers/create HTTP/1.1\\r\\n${framing}\\r\\n${body}`;
    const upgrade = 'Connection: Upgrade\\r\\nUpgrade: tcp\\r\\n';
    const attempts = [
      `POST /exec/unknown/start HTTP/1.1\\r\\nHost: x\\r\\n${upgrade}Content-Type: application/json\\r\\nContent-Length: 2\\r\\n\\r\\n{}${create}`,
      `POST /containers/unknown/attach HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n${create}`,
      `GET /info HTTP/1.1\\r\\nHost: x\\r\\n${upgrade}\\r\\n${create}`,
      `POST /v1.41/containers/%63reate HTTP/1.1\\r\\n${framing}\\r\\n${body}`,
      `POST http://evil/v1%2e41/containers/create HTTP/1.1\\r\\n${framing}\\r\\n${body}`,
      `POST /v01.041/containers/create HTTP/1.1\\r\\n${framing}${upgrade}\\r\\n${body}`,
      `POST /v1.41/containers/create HTTP/1.1\\r\\n${framing}Upgrade: tcp\\r\\n\\r\\n${body}`,
      `DELETE /networks/none HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nf0\\r\\n${create}`,
      create,
    ];
    adapter = () => ({ status: 403, text: 'no' });
    const containers = async () => (await run(DIRECT, ['ps', '-aq'])).stdout;
    const before = await containers();
    for (const attempt of attempts) {
      const script = `printf '${attempt}' | timeout 2 socat -t1 - UNIX-CONNECT:/run/socketplane/docker.sock`;
      await host().run(['sh', '-c', script], { reject: false });
      expect(await containers(), attempt).to.equal(before);
    }
  });

  it('dockerd away and back', async () => {
    await host().stop('dockerd', 'SIGKILL');
    expect((await run(PROXIED, ['ps'])).stderr).to.equal(
      'Error response from daemon: cannot reach Docker at unix:///var/run/docker.sock: is it running? (ECONNREFUSED)',
    );
    await host().run(['rm', '-f', '/run/docker.pid']);
    await host().startDocker();
    await same(['ps', '-a', '--format', '{{.ID}}']);
  });

  describe('powerstrip', () => {
    it('has a socket for the group docker, and a pid file', async () => {
      const { stdout } = await host().run(['stat', '-c', '%a %G', '/run/socketplane/docker.sock']);
      expect(stdout).to.be.oneOf(['660 docker', '660 root']);
      const inside = await host().run(['cat', '/run/socketplane/proxy.pid']);
      expect((await host().run(['cat', `/proc/${inside.stdout}/cmdline`])).stdout).to.include(
        'powerstrip.js',
      );
    });

    it('is refused a second time', async () => {
      const { exitCode, stderr } = await powerstrip(host(), '--pid-file', '/run/second.pid');
      expect([exitCode, stderr]).to.deep.equal([
        1,
        'powerstrip: another process listens on /run/socketplane/docker.sock: stop it first',
      ]);
    });

    it('checks a configuration', async () => {
      const good = await powerstrip(host(), 'check');
      expect(good.exitCode).to.equal(0);
      expect(good.stdout)
        .to.match(/^POST \/exec\/\{id\}\/start +test +-$/m)
        .and.include('/etc/socketplane/proxy.yml is valid');
      await writeFile(host().file('/run/bad.yml'), 'version: 1\nendpoints:\n  "POST /x": { pre: [y] }\n');
      const bad = await powerstrip(host(), 'check', '/run/bad.yml');
      expect([bad.exitCode, bad.stderr]).to.deep.equal([
        1,
        'powerstrip: /run/bad.yml:3: endpoints.POST /x.pre.0: adapter y is not defined under adapters',
      ]);
      expect(
        (await powerstrip(host(), '--config', '/run/none.yml', '--pid-file', '/run/second.pid')).stderr,
      ).to.match(/^powerstrip: cannot read \/run\/none\.yml/);
    });

    it('stops: calls under way finish, its socket and pid file go', async () => {
      const running = run(PROXIED, [
        'run',
        '--rm',
        '--network',
        'none',
        'busybox',
        'sh',
        '-c',
        'sleep 1; echo done',
      ]);
      await until('the container', async () => (await run(DIRECT, ['ps', '-q'])).stdout !== '');
      await host().stop('proxy');
      expect((await running).stdout).to.equal('done');
      const left = await host().run(['sh', '-c', 'ls /run/socketplane'], { reject: false });
      expect(left.stdout).to.equal('');
      await startProxy(host());
    });

    it('starts over what a killed one left', async () => {
      await host().stop('proxy', 'SIGKILL');
      await startProxy(host());
      await same(['ps', '-aq']);
    });
  });
});
