import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lab/host.js';
import { createLab, START_MS, type Lab } from '../../lab/lab.js';
import { startPlugin } from '../../lab/node.js';

const COMMAND = join(import.meta.dirname, '../../../bin/socketplane');
const FOLDER = '/run/socketplane';
const CREATE = ['network', 'create', '--driver', 'socketplane', '--ipam-driver', 'socketplane'];
/** Docker looks so long for a plugin that is away, for each network. */
const AWAY_MS = 15_000;

// Docker itself asks; what stands in for the agent answers as a driver must, and has no networks.
describe('the plugin socket, for Docker', function () {
  this.timeout(START_MS);
  let lab: Lab;
  let host: Host;
  let agent: Server | undefined;
  const asked: string[] = [];

  async function startAgent(): Promise<void> {
    const answers: Record<string, object> = {
      '/IpamDriver.RequestPool': { PoolID: 'shop', Pool: '10.77.0.0/16', Data: {} },
      '/IpamDriver.RequestAddress': { Address: '10.77.0.1/16', Data: {} },
    };
    agent = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end(JSON.stringify(answers[request.url ?? ''] ?? {}));
    });
    await mkdir(host.file(FOLDER), { recursive: true });
    agent.listen(host.file(`${FOLDER}/driver.sock`));
    await once(agent, 'listening');
  }
  async function stopAgent(): Promise<void> {
    const closed = agent && once(agent, 'close');
    agent?.close();
    agent?.closeAllConnections();
    await closed;
    agent = undefined;
  }
  async function restartDocker(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number> {
    await host.stop('dockerd', signal);
    const began = performance.now();
    await host.startDocker();
    return performance.now() - began;
  }

  before(async () => {
    lab = await createLab();
    host = await lab.addHost();
    await startPlugin(host);
    await Promise.all([host.startDocker(), host.startOvs()]);
    await host.importBusybox();
  });
  after(async () => {
    await stopAgent();
    await lab.destroy();
  });

  it('has a network without an agent fail in one line', async () => {
    const { exitCode, stderr } = await host.run(
      ['docker', '-H', 'unix:///run/docker.sock', ...CREATE, 'shop'],
      {
        reject: false,
      },
    );
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(
      /^[^\n]*SocketPlane's agent is not running: start it with `socketplane agent start`$/,
    );
  });

  it('has a network wait for an agent that comes', async () => {
    const made = host.docker(...CREATE, 'shop');
    await startAgent();
    await made;
    expect(asked).to.include('/NetworkDriver.CreateNetwork');
    expect(
      (await host.docker('network', 'inspect', '--format', '{{.Driver}} {{.Scope}}', 'shop')).stdout,
    ).to.equal('socketplane local');
  });

  it('has Docker start at once without an agent, stopped or killed before', async () => {
    await stopAgent();
    expect(await restartDocker()).to.be.lessThan(AWAY_MS);
    expect(await restartDocker('SIGKILL')).to.be.lessThan(AWAY_MS);
    expect((await host.docker('network', 'ls', '--format', '{{.Driver}}')).stdout).to.include('socketplane');
  });

  it('lets Docker remove the network without an agent', async () => {
    await host.docker('network', 'rm', 'shop');
    expect((await host.docker('network', 'ls', '--format', '{{.Driver}}')).stdout).to.not.include(
      'socketplane',
    );
  });

  it('may be held by a process that was killed, and again', async () => {
    await startAgent();
    await host.stop('plugin', 'SIGKILL');
    await startPlugin(host);
    await host.docker(...CREATE, 'again');
    await host.docker('network', 'rm', 'again');
    expect(asked).to.include('/NetworkDriver.DeleteNetwork').and.include('/IpamDriver.ReleasePool');
    await host.stop('plugin');
    expect(await readdir(host.file('/run/docker/plugins'))).to.deep.equal([]);
  });

  it('is stopped with a note on what Docker still has, and removed only after that', async () => {
    const socketplane = (...args: string[]) => host.run([COMMAND, ...args], { reject: false });
    await startPlugin(host);
    await host.docker(...CREATE, 'shop');
    await host.docker('create', '--name', 'con1', '--network', 'shop', 'busybox');
    expect((await socketplane('agent', 'stop')).stdout).to.match(
      /^agent and proxy stopped\nnote: Docker still has networks of SocketPlane \(shop\): if it is restarted before/,
    );

    const refused = await socketplane('uninstall');
    expect(refused.exitCode).to.equal(1);
    expect(refused.stderr).to.match(
      /^socketplane: containers are still on .*: con1; remove them, or [^\n]*$/,
    );
    await host.docker('rm', 'con1');
    const { exitCode, stdout, stderr } = await socketplane('uninstall');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include("removing Docker's networks of SocketPlane: shop\n");
    expect((await host.docker('network', 'ls', '--format', '{{.Driver}}')).stdout).to.not.include(
      'socketplane',
    );
    expect(await readdir(host.file('/run/docker/plugins'))).to.deep.equal([]);
  });
});
