import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect } from 'chai';
import { START_MS } from '../../lab/lab.js';
import { until } from '../../support/until.js';
import { DIRECT, powerstrip, PROXIED, startProxy, useProxy } from './suite.js';

/** powerstrip as a daemon: its files, its start and end, and Docker's. */
describe('powerstrip', function () {
  this.timeout(START_MS);
  const { host, docker } = useProxy(() => () => undefined);

  /** Whether the proxy takes a connection. */
  const isTaken = () =>
    new Promise<boolean>((resolve) => {
      const client = connect(host().file('/run/socketplane/docker.sock'));
      client.once('error', () => resolve(false));
      client.once('connect', () => {
        client.destroy();
        resolve(true);
      });
    });

  it('has a socket for the group docker, and a pid file', async () => {
    const { stdout } = await host().run(['stat', '-c', '%a %G', '/run/socketplane/docker.sock']);
    expect(stdout).to.be.oneOf(['660 docker', '660 root']);
    const inside = await host().run(['cat', '/run/socketplane/proxy.pid']);
    expect((await host().run(['cat', `/proc/${inside.stdout}/cmdline`])).stdout).to.include('powerstrip.js');
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
    await mkdir(host().file('/run/box'));
    const script = 'until test -e /box/go; do sleep 0.05; done; echo done';
    const options = ['--rm', '--network', 'none', '-v', '/run/box:/box'];
    const running = docker(PROXIED, ['run', ...options, 'busybox', 'sh', '-c', script]);
    await until('the container', async () => (await docker(DIRECT, ['ps', '-q'])).stdout !== '');
    const stopped = host().stop('proxy');
    // Calls under way have five seconds from here: nothing that takes time on a busy machine comes between.
    await until('no new call to be taken', async () => !(await isTaken()));
    await writeFile(host().file('/run/box/go'), '');
    expect((await running).stdout).to.equal('done');
    await stopped;
    const left = await host().run(['sh', '-c', 'ls /run/socketplane'], { reject: false });
    expect(left.stdout).to.equal('');
    await startProxy(host());
  });

  it('starts over what a killed one left', async () => {
    await host().stop('proxy', 'SIGKILL');
    await startProxy(host());
    expect((await docker(PROXIED, ['ps'])).exitCode).to.equal(0);
  });

  it('dockerd away and back', async () => {
    await host().stop('dockerd', 'SIGKILL');
    expect((await docker(PROXIED, ['ps'])).stderr).to.equal(
      'Error response from daemon: cannot reach Docker at unix:///var/run/docker.sock: is it running? (ECONNREFUSED)',
    );
    await host().run(['rm', '-f', '/run/docker.pid']);
    await host().startDocker();
    expect((await docker(PROXIED, ['ps'])).exitCode).to.equal(0);
  });
});
