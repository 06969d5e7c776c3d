import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { agentContainer, proxyContainer } from '../../../lib/install/containers/specs.js';
import { packageRoot } from '../../../lib/base/paths.js';
import { VERSION } from '../../../lib/base/version.js';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { PROXY_SOCKET, startPlugin } from '../../lab/node.js';
import { until } from '../../support/until.js';
import { needImageBase } from '../../support/image-base.js';
import { needsPlugin } from '../proxy/clients/docker-client.js';

const IMAGE = `socketplane:${VERSION}`;
const NAMES = ['socketplane', 'powerstrip'];
const SHOP = `name: shop
services:
  db: { image: busybox, init: true, command: sleep 1000, labels: { socketplane.network: web } }
  web:
    image: busybox
    init: true
    command: sh -c 'until ping -c 1 db; do sleep 0.2; done; exec sleep 1000'
    depends_on: [db]
    labels: { socketplane.network: web }
`;

/** A network that exists, and one of the project's own. */
const NETWORKS = `name: more
services:
  db: { image: busybox, init: true, command: sleep 1000, networks: [web, own] }
networks: { web: { external: true }, own: { driver: socketplane } }
`;

describe('the image', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let tar: string;

  before(async function () {
    this.timeout(START_MS);
    await needImageBase();
    lab = await createLab();
    host = await lab.addHost();
    await startPlugin(host);
    await Promise.all([host.startDocker(), host.startOvs()]);
    await host.importBusybox();
    tar = (await makeImage()).stdout;
  });
  after(() => lab.destroy());

  const makeImage = () =>
    host.run(['node', join(packageRoot(), 'dist/lib/cli/build-image.js')], { timeout: START_MS });
  const sp = async (...args: string[]) => (await host.run(['docker', '-H', PROXY_SOCKET, ...args])).stdout;
  const addNetwork = (id: string, subnet: string) =>
    host.run([
      ...['curl', '-fsS', '--unix-socket', '/run/socketplane/agent.sock', 'http://agent/v0.1/networks'],
      ...['-H', 'content-type: application/json', '-d', JSON.stringify({ id, subnet })],
    ]);
  const isHealthy = async (name: string) =>
    (await host.docker('inspect', '--format', '{{.State.Health.Status}}', name)).stdout === 'healthy';
  const bothHealthy = () =>
    until(
      'both to be healthy',
      async () => (await Promise.all(NAMES.map(isHealthy))).every(Boolean),
      120_000,
    );

  it('is made once, and loaded where Docker has lost it', async () => {
    expect((await makeImage()).stdout).to.equal(tar);
    await host.docker('image', 'rm', IMAGE);
    const { stdout, stderr } = await makeImage();
    expect(stdout).to.equal(tar);
    expect(stderr).to.equal(`loading ${tar}`);
  });

  it('runs agent and proxy, which may be restarted and killed under traffic', async () => {
    for (const { create, name } of [agentContainer({ image: IMAGE }), proxyContainer({ image: IMAGE })]) {
      await host.docker('create', ...create);
      await host.docker('start', name);
    }
    await bothHealthy();
    const { stdout: sockets } = await host.run([
      ...['stat', '-c', '%a %U %G'],
      ...['/run/socketplane/agent.sock', '/run/socketplane/docker.sock', '/run/socketplane/trace.sock'],
    ]);
    const { stdout: own } = await host.run(['stat', '-c', '%a %U %G', '/run/docker.sock']);
    expect(sockets.split('\n')).to.deep.equal([own, own, own]);

    await addNetwork('lan', '10.50.0.0/16');
    for (const name of ['con1', 'con2'])
      await sp('run', '-d', '--init', '--name', name, '-e', 'SP_NETWORK=lan', 'busybox', 'sleep', '1000');
    expect(await sp('exec', 'con1', 'ip', '-4', 'addr', 'show', 'eth0')).to.match(/inet 10\.50\.0\.\d+\/16/);

    const pinging = host.docker('exec', 'con1', 'ping', '-c', '60', '-i', '0.1', '-W', '1', '10.50.0.3');
    await host.docker('restart', ...NAMES.toReversed());
    const pid = () => host.run(['cat', '/run/socketplane/agent.pid'], { reject: false });
    await until('the agent', async () => (await pid()).stdout !== '');
    const { stdout: killed } = await pid();
    await host.run(['kill', '-9', killed]);
    await until('another agent', async () => {
      const { stdout } = await pid();
      return stdout !== '' && stdout !== killed;
    });
    expect((await pinging).stdout).to.include('60 packets transmitted, 60 packets received');
    expect(await sp('exec', 'con2', 'ping', '-c', '1', 'con1')).to.include('1 packets received');
    await sp('rm', '-f', 'con1', 'con2');
  });

  describe('with Compose', () => {
    needsPlugin(() => host, 'compose');
    const compose = (where: string, file: string, ...args: string[]) =>
      host.run(['docker', '-H', where, 'compose', '--ansi', 'never', '-f', file, ...args]);

    const file = join(packageRoot(), 'docker-compose.yml');

    // Also what a first try of this test has left.
    beforeEach(async () => {
      const { stdout } = await host.docker('ps', '--all', '--quiet');
      if (stdout !== '') await host.docker('rm', '--force', ...stdout.split('\n'));
      await compose('unix:///run/docker.sock', file, 'down', '--volumes');
    });

    it('docker-compose.yml is a node, on which projects run as they are', async function () {
      this.timeout(START_MS);
      await compose('unix:///run/docker.sock', file, 'up', '-d', '--wait');
      await addNetwork('web', '10.77.0.0/16');
      await writeFile(host.file('/run/shop.yml'), SHOP);
      const shop = async (...args: string[]) =>
        (await compose(PROXY_SOCKET, '/run/shop.yml', ...args)).stdout;

      await shop('up', '-d', '--scale', 'web=3');
      expect((await shop('ps', '-q')).split('\n')).to.have.length(4);
      const names = await shop('exec', '-T', 'db', 'nslookup', 'web');
      expect(names.match(/Address: 10\.77\.0\.\d+/g)).to.have.length(3);
      expect(await shop('exec', '-T', 'web', 'ping', '-c', '1', 'db')).to.include('1 packets received');
      // A container of its own for one command, whose status and output are those of `compose run`.
      expect(await shop('run', '--rm', '-T', 'db', 'ping', '-c', '1', 'web')).to.include(
        '1 packets received',
      );
      expect(await shop('logs', 'web')).to.include('PING db (10.77.0.');
      await shop('up', '-d', '--scale', 'web=1');
      expect((await shop('ps', '-q')).split('\n')).to.have.length(2);
      await shop('down');
      await writeFile(host.file('/run/more.yml'), NETWORKS);
      const more = async (...args: string[]) =>
        (await compose(PROXY_SOCKET, '/run/more.yml', ...args)).stdout;
      await more('up', '-d');
      expect(await more('exec', '-T', 'db', 'ip', '-4', 'addr')).to.match(/inet 10\.77\.0\.\d+\/16/);
      expect(await sp('network', 'ls', '--format', '{{.Name}} {{.Driver}}')).to.include(
        'more_own socketplane',
      );
      await more('down');
      expect(await sp('network', 'ls', '--format', '{{.Name}}'))
        .to.include('web')
        .and.not.include('more_own');
      await compose('unix:///run/docker.sock', file, 'down', '--volumes');
    });
  });
});
